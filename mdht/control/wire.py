"""Requests and replies as bytes. What comes is decoded in two steps, so a wrong argument is told to who asked."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from ..errors import BadFrame, BadMessage, NotARequest, TooLarge
from ..limits import FRAME_HEAD_BYTES, ID_MAX
from .calls import CALLS, Call
from .failures import Failure, plain_failure
from .limits import REPLY_BYTES, REQUEST_BYTES

_Number = Annotated[int, msgspec.Meta(ge=0, le=ID_MAX)]


class Request(msgspec.Struct, array_like=True, frozen=True):
    """A request whose arguments are still bytes."""

    number: _Number
    method: Annotated[str, msgspec.Meta(max_length=64)]
    arguments: msgspec.Raw


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """A reply whose content is still bytes; `failed`: it is an error."""

    number: _Number
    failed: Annotated[int, msgspec.Meta(ge=0, le=1)]
    content: msgspec.Raw


NO_REQUEST: Final = 0
"""The number of a reply that answers no request: what came could not be read. Clients count from 1."""

_pack: Final = msgspec.msgpack.Encoder().encode
_read_request: Final = msgspec.msgpack.Decoder(Request).decode
_read_reply: Final = msgspec.msgpack.Decoder(Reply).decode
_read_failure: Final = msgspec.msgpack.Decoder(tuple[str, str, tuple[Any, ...]]).decode
_read_call: Final = {method: msgspec.msgpack.Decoder(cls).decode for method, cls in CALLS.items()}
_method_of: Final = {cls: method for method, cls in CALLS.items()}

_CANNOT: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def pack_frame(body: bytes, limit_bytes: int) -> bytes:
    """A frame: as `codec.pack_frame`, whose folder brings all messages of peers with it. Raises TooLarge."""
    if len(body) > limit_bytes:
        raise TooLarge("frame", len(body), limit_bytes)
    return len(body).to_bytes(FRAME_HEAD_BYTES, "big") + body


def take_frame(kept: bytearray) -> bytes | None:
    """The first frame of what a client has received, taken out of it; None where it is not complete.

    Raises BadFrame.
    """
    if len(kept) < FRAME_HEAD_BYTES:
        return None
    length = int.from_bytes(kept[:FRAME_HEAD_BYTES], "big")
    if not 0 < length <= REPLY_BYTES:
        raise BadFrame("reply", f"its length is {length}, where 1 to {REPLY_BYTES} are allowed")
    end = FRAME_HEAD_BYTES + length
    if len(kept) < end:
        return None
    body = bytes(kept[FRAME_HEAD_BYTES:end])
    del kept[:end]
    return body


def pack_request(number: int, call: Call) -> bytes:
    """A request as a frame. Raises TooLarge."""
    return pack_frame(_pack((number, _method_of[type(call)], call)), REQUEST_BYTES)


def read_request(body: bytes) -> Request:
    """The request of a frame. Raises BadMessage: nothing more can be told apart on that connection."""
    try:
        return _read_request(body)
    except _CANNOT as error:
        raise BadMessage("request", str(error)) from None


def read_call(request: Request) -> Call:
    """What a request asks. Raises NotARequest."""
    read = _read_call.get(request.method)
    if read is None:
        raise NotARequest(request.method, f"it knows {', '.join(CALLS)}")
    try:
        return read(request.arguments)
    except _CANNOT as error:
        raise NotARequest(request.method, str(error)) from None


def pack_reply(number: int, result: Any) -> bytes:
    """A reply as a frame. Text that is no Unicode (file names may be) is sent escaped. Raises TooLarge."""
    try:
        body = _pack((number, 0, result))
    except UnicodeEncodeError:
        body = _pack((number, 0, _escaped(msgspec.to_builtins(result, builtin_types=(bytes,)))))
    return pack_frame(body, REPLY_BYTES)


def pack_error(number: int, error: BaseException) -> bytes:
    """An error as a frame. Never raises: what is too large or cannot be packed crosses as its name."""
    try:
        return pack_frame(_pack((number, 1, _escaped(plain_failure(error)))), REPLY_BYTES)
    except (TooLarge, TypeError, ValueError, OverflowError):
        return pack_frame(
            _pack((number, 1, Failure("", type(error).__name__, ("its text could not be sent",)))), REPLY_BYTES
        )


def _escaped(plain: Any) -> Any:
    """The same with `\\udcff` in six characters for what has no place in UTF-8."""
    if isinstance(plain, str):
        return plain.encode(errors="backslashreplace").decode()
    if isinstance(plain, dict):
        return {_escaped(key): _escaped(value) for key, value in plain.items()}
    return [_escaped(one) for one in plain] if isinstance(plain, list | tuple) else plain


def read_reply(body: bytes) -> Reply:
    """The reply of a frame. Raises BadMessage."""
    try:
        return _read_reply(body)
    except _CANNOT as error:
        raise BadMessage("reply", str(error)) from None


def read_result(reply: Reply) -> Any:
    """The content of a reply that is no error, as plain values. Raises BadMessage."""
    try:
        return msgspec.msgpack.decode(reply.content)
    except _CANNOT as error:
        raise BadMessage("reply", str(error)) from None


def read_failure(reply: Reply) -> Failure:
    """The error of a reply. Raises BadMessage."""
    try:
        return Failure(*_read_failure(reply.content))
    except _CANNOT as error:
        raise BadMessage("reply", str(error)) from None
