"""What is said at a node's door, as bytes."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht import errors
from mdht.control import (
    CALLS,
    AboutCall,
    Call,
    ConnectCall,
    GetCall,
    PutCall,
    ShareCall,
    pack_error,
    pack_reply,
    pack_request,
    plain_failure,
    read_call,
    read_reply,
    read_request,
)
from mdht.control.limits import REPLY_BYTES, REQUEST_BYTES
from mdht.control.wire import read_failure, read_result, take_frame
from mdht.errors import BadFrame, BadMessage, ConfigError, LinkRefused, NotARequest, TooLarge
from mdht.remote.results import rebuilt

SAMPLES: list[Call] = [
    AboutCall(),
    GetCall(b"key", "owned", b"o" * 32, 1.5),
    PutCall(b"value", b"key", "open", 7, 6, 60, 3, 600.0),
    PutCall(b""),
    ConnectCall("example.org:7000"),
    ShareCall(b"/a/\xff", b"ticket"),
]


@pytest.mark.parametrize("call", SAMPLES, ids=lambda call: type(call).__name__)
def test_calls_cross(call: Call) -> None:
    frame = pack_request(7, call)
    request = read_request(frame[4:])
    assert (request.number, read_call(request)) == (7, call)


def raw(method: Any, arguments: Any, number: Any = 1) -> bytes:
    return msgspec.msgpack.encode([number, method, arguments])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"{}",
        raw("get", {})[:-1],
        raw(7, {}),
        raw("get", {}, -1),
        raw("x" * 65, {}),
        raw("get", {}, 2**32),
    ],
)
def test_what_is_no_request(body: bytes) -> None:
    with pytest.raises(BadMessage):
        read_request(body)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("nothing", {}),
        ("get", {}),
        ("get", [b"key"]),
        ("get", {"key": 7}),
        ("get", {"key": b"k", "kind": "other"}),
        ("get", {"key": b"k", "owner": b"short"}),
        ("get", {"key": b"k", "timeout_s": 0.0}),
        ("get", {"key": b"k", "timeout_s": math.nan}),
        ("get", {"key": b"k", "timeout_s": math.inf}),
        ("get", {"key": b"k", "timeout_s": 601.0}),
        ("put", {"value": "text"}),
        ("put", {"value": b"", "sequence": -1}),
        ("put", {"value": b"", "sequence": 2**63}),
        ("fetch", {"id": b"x", "path": b"/p", "ticket": b""}),
        ("share", {"path": b"/p", "ticket": b"t" * 65}),
        ("connect", {"seed": "\ud800".encode("utf-8", "surrogatepass")}),
    ],
)
def test_arguments_of_another_shape(method: str, arguments: Any) -> None:
    request = read_request(raw(method, arguments))
    with pytest.raises(NotARequest) as caught:
        read_call(request)
    assert caught.value.method == method


def test_arguments_of_a_newer_client_are_left_alone() -> None:
    assert read_call(read_request(raw("get", {"key": b"k", "colour": "blue"}))) == GetCall(b"k")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_none(body: bytes) -> None:
    try:
        read_call(read_request(body))
    except (BadMessage, NotARequest):
        pass


@given(st.binary(max_size=200))
def test_any_bytes_are_a_reply_or_none(body: bytes) -> None:
    try:
        reply = read_reply(body)
        if reply.failed:
            assert isinstance(rebuilt(read_failure(reply), "/dir", "get"), Exception)
        else:
            read_result(reply)
    except BadMessage:
        pass


def test_sizes() -> None:
    with pytest.raises(TooLarge):
        pack_request(1, PutCall(b"x" * REQUEST_BYTES))
    with pytest.raises(TooLarge):
        pack_reply(1, b"x" * REPLY_BYTES)
    for length in (0, REPLY_BYTES + 1, 2**32 - 1):
        with pytest.raises(BadFrame):
            take_frame(bytearray(length.to_bytes(4, "big")))


def test_frames_are_taken_one_at_a_time() -> None:
    data = pack_reply(1, "a") + pack_reply(2, "b")
    kept = bytearray()
    came = []
    for byte in data:
        kept.append(byte)
        while (body := take_frame(kept)) is not None:
            came.append(read_result(read_reply(body)))
    assert came == ["a", "b"] and not kept


def test_text_that_is_no_unicode_is_escaped() -> None:
    from mdht.services.files.commands import Fetched

    frame = pack_reply(1, {"path": "/a\udcff", "parts": [Fetched("/\udc80", "n", 1, 2)], "value": b"\xff"})
    told = read_result(read_reply(frame[4:]))
    assert told["path"] == "/a\\udcff" and told["parts"][0]["path"] == "/\\udc80" and told["value"] == b"\xff"
    missing = crossed(FileNotFoundError(2, "No such file", "/\udcff"))
    assert isinstance(missing, FileNotFoundError) and missing.filename == "/\\udcff"


def crossed(error: BaseException) -> Exception:
    return rebuilt(read_failure(read_reply(pack_error(3, error)[4:])), "/dir", "get")


@pytest.mark.parametrize(
    "error",
    [
        errors.NotFound(b"\x01" * 32, 7),
        LinkRefused("not allowed", "1a2b", True),
        ConfigError([("k", "wrong", "right"), ("l", "wrong", "right")]),
        errors.Conflict(7, 6),
        errors.MdhtError("text"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_our_errors_cross_as_themselves(error: Exception) -> None:
    again = crossed(error)
    assert (type(again), str(again), again.args, vars(again)) == (type(error), str(error), error.args, vars(error))


def test_errors_of_other_floors_cross_as_themselves() -> None:
    from mdht.services import TooBusy
    from mdht.session.errors import LinkFull
    from mdht.store import StoreCorrupt
    from mdht.transport import CannotDial

    for error in (CannotDial("a:1", "why"), StoreCorrupt("/p", "why"), TooBusy(3), LinkFull("requests", 3)):
        again = crossed(error)
        assert (type(again), str(again)) == (type(error), str(error))


def test_other_errors_cross_as_what_can_be_told() -> None:
    from ipc import Closed

    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    missing = crossed(FileNotFoundError(2, "No such file", "/x"))
    assert isinstance(missing, FileNotFoundError) and missing.filename == "/x"
    assert isinstance(crossed(ValueError("v")), ValueError)
    assert isinstance(crossed(Closed("the tree is closed")), errors.NodeGone)
    for error in (TypeError("t"), Odd(), KeyError("k"), errors.MdhtError(object())):
        unknown = crossed(error)
        assert isinstance(unknown, errors.UnknownFailure) and unknown.type_name == type(error).__name__


@pytest.mark.parametrize(
    "failure",
    [
        ("mdht", "Node", ()),
        ("mdht", "NotFound", (1, 2, 3, 4, 5)),
        ("mdht", "shown", ("x",)),
        ("mdht", "__class__", ()),
        ("os", "system", ("true",)),
        ("system", "SystemExit", (1, "x", "")),
        ("system", "OSError", ("few",)),
        ("services", "Api", ()),
        ("ipc", "Full", ("no room",)),
        ("", "", ()),
    ],
)
def test_nothing_but_known_errors_is_made(failure: tuple[str, str, tuple[Any, ...]]) -> None:
    from mdht.control import Failure

    assert isinstance(rebuilt(Failure(*failure), "/dir", "get"), errors.UnknownFailure)


def test_an_error_that_is_too_large_crosses_as_its_name() -> None:
    again = crossed(errors.BadKey("x" * REPLY_BYTES))
    assert isinstance(again, errors.UnknownFailure) and again.type_name == "BadKey"


def test_a_failure_is_plain() -> None:
    assert plain_failure(errors.NotFound(b"a", 1)) == ("mdht", "NotFound", (b"a", 1))
    assert set(CALLS) >= {"get", "put", "share", "fetch", "stop"}
