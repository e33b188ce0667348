"""Messages to bytes and back, in two encodings: `msgpack`, and `json` to be read by people (bytes are base64).

Both give the same arrays. Decoding checks every field's type and bound, in C, before an object is made of it; nothing
is allocated that is larger than the frame, however long a length in it claims to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from ..errors import BadMessage, BadText, shown
from .fields import Id
from .messages import REPLY_NUMBERS, REQUEST_NUMBERS, STRICT, Message
from .unknown import Unknown

Decode = Callable[[bytes | memoryview], Any]


class _Number(msgspec.Struct, array_like=True, gc=False):
    """The number of any message; the rest is skipped."""

    tag: Id


class _Head(msgspec.Struct, array_like=True, gc=False):
    """The number and the request of a request or a reply; the rest is skipped."""

    tag: Id
    request: Id


class Encoding:
    """One encoding, for any number of links. Neither method blocks or keeps anything; any thread.

    `name` is what the handshake calls it. `encode(message)` gives the bytes of a message; it does not check bounds.
    """

    __slots__ = ("_decode", "_head", "_number", "_strict", "encode", "name")

    def __init__(self, name: str, encode: Callable[[Any], bytes], decoder: Callable[[Any], Decode]) -> None:
        self.name = name
        self.encode: Callable[[Message], bytes] = encode
        self._decode = decoder(Message)
        self._number = decoder(_Number)
        self._head = decoder(_Head)
        self._strict = {tag: decoder(cls) for tag, cls in STRICT.items()}

    def decode(self, data: bytes | memoryview) -> Message | Unknown:
        """The message in `data`, or what is known of one that this version does not know.

        Raises BadMessage where `data` is anything else, and never another exception.
        """
        try:
            message: Message = self._decode(data)
            return message
        except MemoryError:
            raise
        except Exception as exc:
            return self._unknown(data, exc)

    def _unknown(self, data: bytes | memoryview, why: Exception) -> Unknown:
        """What does not decode: from a newer version, or malformed because of `why`."""
        if isinstance(why, msgspec.ValidationError):  # else it is no value of this encoding at all
            try:
                tag: int = self._number(data).tag
                if tag in self._strict:
                    return Unknown(tag, self._strict[tag](data).request)
                if tag not in _KNOWN:
                    has_request = tag in REQUEST_NUMBERS or tag in REPLY_NUMBERS
                    return Unknown(tag, self._head(data).request if has_request else 0)
            except MemoryError:
                raise
            except Exception as exc:
                why = exc
        raise BadMessage(
            f"{self.name} message", shown(str(why) or type(why).__name__, quotes=False, most=200)
        ) from None

    def __repr__(self) -> str:
        return f"<encoding {self.name}>"


_KNOWN: Final = frozenset(cls.__struct_config__.tag for cls in Message.__args__)

MSGPACK: Final = Encoding("msgpack", msgspec.msgpack.Encoder().encode, lambda cls: msgspec.msgpack.Decoder(cls).decode)
JSON: Final = Encoding("json", msgspec.json.Encoder().encode, lambda cls: msgspec.json.Decoder(cls).decode)

ENCODINGS: Final[Mapping[str, Encoding]] = MappingProxyType({known.name: known for known in (MSGPACK, JSON)})
"""Every encoding by name, the preferred first."""


def encoding(name: str) -> Encoding:
    """The encoding of that name. Raises BadText, which lists them."""
    try:
        return ENCODINGS[name]
    except KeyError:
        raise BadText("encoding", name, f"choose one of {', '.join(ENCODINGS)}") from None
