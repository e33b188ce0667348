"""The bound on nesting, on both sides."""

from __future__ import annotations

import datetime as dt
import random
import threading
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc.codec import dumps, height, loads, loads_marked
from ipc.codec.depth import check_depth
from ipc.errors import BadFrame, NotSendable
from ipc.interned import Interned
from ipc.limits import NEST_DEPTH
from ipc.refs import Copied

from .samples import Box, Colour, values

WRAPS: dict[str, Any] = {
    "list": lambda value: [value],
    "tuple": lambda value: (value,),
    "dict": lambda value: {1: value},
    "record": Box,
    "copied": Copied,
    "mixed": lambda value: random.choice([lambda v: [v], lambda v: (v,), lambda v: {"a": v, "b": 1}, Box])(value),
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize("leaf", [dt.datetime(2020, 1, 1, tzinfo=dt.UTC), 1, b"\x91" * 5000, Colour.RED])
def test_nesting_is_bounded_on_both_sides_alike(wrap: Any, leaf: Any) -> None:
    value = leaf
    for _ in range(NEST_DEPTH - 1):
        value = wrap(value)
    assert dumps(loads(dumps(value))) == dumps(value)
    assert height(value) == NEST_DEPTH - (type(leaf) is not Colour)
    for _ in range(2):
        value = wrap(value)
    with pytest.raises(NotSendable, match="nested deeper"):
        dumps(value)
    assert height(value) == NEST_DEPTH + 1


@pytest.mark.parametrize("depth", [NEST_DEPTH + 1, 200, 900, 100_000])
@pytest.mark.parametrize("head", [b"\x91", b"\x81\x01", b"\xc9", b"\xdd\x00\x00\x00\x01"])
def test_a_bomb_is_a_bad_frame(head: bytes, depth: int) -> None:
    if head == b"\xc9":
        data = b"\xc0"
        for _ in range(min(depth, 900)):
            data = msgpack.packb(msgpack.ExtType(1, b"\x91" + data))
    else:
        data = head * depth + b"\xc0"
    for frame in (data, b"\x92" + data + b"\xc5\x08\x00" + b"\x91" * 2048):
        with pytest.raises(BadFrame):
            loads(frame)


def test_a_bomb_needs_little_stack() -> None:
    data = b"\xc0"
    for _ in range(NEST_DEPTH):
        data = msgpack.packb(msgpack.ExtType(1, b"\x91" + data))
    results: list[Any] = []
    before = threading.stack_size(512 << 10)
    try:
        thread = threading.Thread(target=lambda: results.append(loads(data)))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert height(results[0]) == NEST_DEPTH


def test_a_cycle_is_refused() -> None:
    cycle: list[Any] = [1]
    cycle += [cycle, cycle]
    with pytest.raises(NotSendable, match="contain themselves"):
        dumps(cycle)


def test_interned_values_count_as_deep_as_they_are() -> None:
    value: Any = 1
    for _ in range(40):
        value = [value]
    handle = Interned("deep", value)
    for _ in range(23):
        handle_in = value = [handle] if value is handle.value else [value]
    assert loads(dumps(handle_in)) == handle_in
    refused: list[list[Interned] | None] = [None, []]
    for handles in refused:
        with pytest.raises(NotSendable):
            dumps([handle_in], handles)


def bomb(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


BESIDE: dict[str, Any] = {
    "nothing": lambda deep: deep,
    "bytes before and after": lambda deep: [*[b"x" * 100] * 20, deep, b"x"],
    "empty bytes first": lambda deep: [b"", *[b"x"] * 20, deep, b"x"],
    "an empty text among text": lambda deep: [*["x"] * 20, "", deep, "x"],
    "bytearray before": lambda deep: [b"x", *[bytearray(b"x")] * 20, deep, b"x"],
    "numbers": lambda deep: [*range(20), deep, 1],
    "a run": lambda deep: [0, 1, 2, 0, 1.5, [], 2000, [*[b"x" * 100] * 255, deep, b"x"]],
    "last": lambda deep: [*[b"x" * 100] * 20, deep],
}


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_depth_is_seen_whatever_stands_beside(beside: Any) -> None:
    around = height(beside(1))
    for wrap in (lambda value: [value], tuple, lambda value: (value,), lambda value: {1: value}):
        value = wrap(beside(bomb(NEST_DEPTH - around - 1))) if wrap is not tuple else beside(bomb(NEST_DEPTH - around))
        assert height(value) == NEST_DEPTH
        check_depth(value, b"")
        for data in (dumps(value), memoryview(dumps(value))):
            assert loads_marked(data) == (value, frozenset())
    data = msgpack.packb(beside(bomb(NEST_DEPTH - around + 1)))
    for frame in (data, memoryview(data)):
        with pytest.raises(BadFrame, match="nested deeper"):
            loads(frame)
        with pytest.raises(BadFrame, match="nested deeper"):
            loads_marked(frame)


@settings(deadline=None)
@given(values, st.integers(0, NEST_DEPTH + 2))
def test_the_check_agrees_with_the_height(value: Any, wraps: int) -> None:
    for _ in range(wraps):
        value = [value]
    try:
        check_depth(value, b"")
        deep = False
    except BadFrame:
        deep = True
    assert deep == (height(value, interned=False) > NEST_DEPTH)
