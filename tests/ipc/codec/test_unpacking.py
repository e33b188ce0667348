"""Garbage: only BadFrame may come out of it."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ipc.codec import dumps, height, loads, loads_marked
from ipc.errors import BadFrame
from ipc.limits import NEST_DEPTH
from ipc.sendable import BY_NAME

from .samples import values


def attempt(data: bytes) -> None:
    """Only BadFrame may come out of garbage; what does not fail can be packed again."""
    try:
        value, unknown = loads_marked(data)
    except BadFrame:
        with pytest.raises(BadFrame):
            loads(data)
        return
    assert unknown or height(value) <= NEST_DEPTH
    if unknown:
        with pytest.raises(BadFrame):
            loads(data)
    else:
        dumps(value)


@settings(deadline=None)
@given(st.binary(max_size=200))
@example(b"")
@example(b"\xc1")
@example(b"\xc0\xc0")
@example(b"\xd6\xff\x00\x00\x00\x01")
@example(b"\xc7\x0c\xff" + b"\xff" * 12)
@example(b"\x81\x90\xc0")
@example(b"\xdd\xff\xff\xff\xff")
def test_random_bytes(data: bytes) -> None:
    attempt(data)


@settings(deadline=None)
@given(st.integers(-128, 127), st.binary(max_size=60))
def test_random_extensions(code: int, body: bytes) -> None:
    attempt(msgpack.packb(msgpack.ExtType(code, body)) if code >= 0 else bytes((0xC7, len(body), code & 0xFF)) + body)


@settings(deadline=None)
@given(st.integers(1, 17), values)
def test_extensions_with_the_wrong_content(code: int, value: Any) -> None:
    attempt(msgpack.packb(msgpack.ExtType(code, dumps(value))))


@settings(deadline=None)
@given(st.sampled_from(sorted(BY_NAME)), st.lists(values, max_size=4))
def test_registered_types_with_the_wrong_fields(name: str, fields: list[Any]) -> None:
    attempt(msgpack.packb(msgpack.ExtType(12, dumps([name, *fields]))))


@settings(deadline=None, max_examples=300)
@given(values, st.data())
def test_mutated_frames(value: Any, data: st.DataObject) -> None:
    frame = bytearray(dumps(value))
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.integers(0, len(frame) - 1)) if frame else 0
        what = data.draw(st.sampled_from(["flip", "cut", "insert", "drop"]))
        if what == "flip" and frame:
            frame[where] ^= data.draw(st.integers(1, 255))
        elif what == "cut":
            del frame[where:]
        elif what == "insert":
            frame.insert(where, data.draw(st.integers(0, 255)))
        else:
            del frame[where : where + 1]
    attempt(bytes(frame))


@pytest.mark.parametrize("data", [None, "text", 3, memoryview(b"abcd").cast("I")])
def test_what_is_not_bytes_is_a_bad_frame(data: Any) -> None:
    with pytest.raises(BadFrame):
        loads(data)
