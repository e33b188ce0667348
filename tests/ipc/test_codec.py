"""Round trips, refusals and garbage."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import gc
import io
import random
import sys
import threading
import weakref
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ipc.codec import (
    PACK_ERRORS,
    Unknown,
    array_header,
    dumps,
    find_unknown,
    height,
    join_array,
    loads,
    loads_marked,
    pack_plain,
)
from ipc.errors import BadFrame, NotSendable
from ipc.interned import Interned
from ipc.limits import NEST_DEPTH
from ipc.refs import Copied, Shared
from ipc.sendable import BY_NAME, sendable


@sendable("test.codec.leaf")
@dataclass(frozen=True, slots=True)
class Leaf:
    number: int
    text: str
    data: bytes = b""


@sendable("test.codec.node")
@dataclass(eq=True)
class Node:
    value: Any
    children: list[Any] = field(default_factory=list)


@sendable("test.codec.colour")
class Colour(enum.IntEnum):
    RED = 1
    BLUE = 2


@sendable("StoreCommandRecord")
@dataclass(frozen=True)
class Record:
    file: Any


@sendable("StoreCommandPut")
@dataclass(frozen=True)
class Put:
    record: Record


@sendable("StoreCommand")
@dataclass(frozen=True)
class StoreCommand:
    put: Put


def same(left: Any, right: Any) -> bool:
    """Equal and of the same types throughout, dicts in the same order."""
    return form(left) == form(right)


def form(value: Any) -> str:
    """A text that two values have in common only if they are the same."""
    parts: Any = repr(value)
    if isinstance(value, (list, tuple)):
        parts = [form(item) for item in value]
    elif isinstance(value, dict):
        parts = [(form(key), form(item)) for key, item in value.items()]
    elif isinstance(value, (set, frozenset)):
        parts = sorted(form(item) for item in value)
    elif isinstance(value, (Shared, Copied)):
        parts = form(value.value)
    elif isinstance(value, Node):
        parts = [form(value.value), form(value.children)]
    return f"{type(value).__name__} {parts}"


zones = st.none() | st.builds(
    dt.timezone,
    st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)),
    st.just("name"),
) | st.builds(dt.timezone, st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)))  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
keys = st.recursive(
    scalars
    | st.characters(categories=["Cs"])
    | st.complex_numbers()
    | st.datetimes(timezones=zones)
    | st.dates()
    | st.timedeltas()
    | st.uuids()
    | st.decimals(allow_nan=False)
    | st.sampled_from(Colour)
    | st.integers(min_value=1 << 63, max_value=1 << 3000)
    | st.builds(Leaf, st.integers(), st.text(), st.binary()),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    keys | st.binary().map(bytearray) | st.decimals(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
        | st.builds(Node, inner, st.lists(inner, max_size=3))
        | st.builds(Copied, inner)
        | st.builds(lambda number, text: Shared(Leaf(number, text)), st.integers(), st.text())
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(values)
@example([[], [1], [[2]], ({},), set()])
@example({(1, 2): [(), ((),)], frozenset({1}): b""})
@example([1 << 64, -(1 << 63) - 1, -(1 << 63), (1 << 64) - 1, "\ud800"])
@example([Leaf(1 << 70, "\udfff"), {1: bytearray(b"x"), "b": [True, None]}])
@example(dt.datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=dt.UTC))
def test_every_value_comes_back_with_its_types(value: Any) -> None:
    data = dumps(value)
    assert same(loads(data), value)
    assert same(loads(memoryview(data)), value)
    again, unknown = loads_marked(data)
    assert same(again, value)
    assert not unknown


@settings(deadline=None)
@given(values)
def test_plain_packing_is_the_same_or_refused(value: Any) -> None:
    try:
        data = pack_plain(value)
    except PACK_ERRORS:
        return
    assert data == dumps(value)


@pytest.mark.parametrize("value", [(1,), [(1,)], [[1]], bytearray(b"x"), [memoryview(b"x")], {1: {}}, 1 << 64, 1j])
def test_what_is_not_plain(value: Any) -> None:
    with pytest.raises(PACK_ERRORS):
        pack_plain(value)


@settings(deadline=None)
@given(st.lists(scalars, max_size=40))
def test_a_joined_array_is_the_list(items: list[Any]) -> None:
    assert join_array([dumps(item) for item in items]) == dumps(items)


@pytest.mark.parametrize("count", [0, 15, 16, 65535, 65536])
def test_array_headers(count: int) -> None:
    assert array_header(count) + b"\xc0" * count == msgpack.packb([None] * count)


def test_an_array_has_a_longest_length() -> None:
    assert array_header((1 << 32) - 1) == b"\xdd\xff\xff\xff\xff"
    with pytest.raises(ValueError, match="too long"):
        array_header(1 << 32)


class Text(str):
    pass


class Numbers(enum.IntEnum):
    ONE = 1


Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "path", "type_name"),
    [
        (StoreCommand(Put(Record(io.TextIOWrapper(io.BytesIO())))), "StoreCommand.put.record.file", "TextIOWrapper"),
        ([1, 2, 3, object()], "list[3]", "object"),
        ((1, {"k": [{2: len}]}), "tuple[1]['k'][0][2]", "builtin_function_or_method"),
        ({Leaf(1, "a"): object}, "dict[Leaf]", "type"),
        ({Pair(1, 2): 1}, "dict[Pair]", "Pair"),
        ({"x" * 50: Text()}, f"dict['{'x' * 36}...]", "Text"),
        (Text("a"), "Text", "Text"),
        (Numbers.ONE, "Numbers", "Numbers"),
        (Pair(1, 2), "Pair", "Pair"),
        ([memoryview(b"x")], "list[0]", "memoryview"),
        ([msgpack.ExtType(1, b"\x90")], "list[0]", "ExtType"),
        ([msgpack.Timestamp(1)], "list[0]", "Timestamp"),
        (collections.OrderedDict(), "OrderedDict", "OrderedDict"),
        (Copied([Leaf]), "Copied.value[0]", "type"),
        ({frozenset({range(3)})}, "set[0][0]", "range"),
        (ValueError("x"), "ValueError", "ValueError"),
        ([Unknown("x")], "list[0]", "Unknown"),
        (Leaf, "type", "type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_path_to_what_cannot_be_sent(value: Any, path: str, type_name: str) -> None:
    with pytest.raises(NotSendable) as caught:
        dumps(value)
    assert (caught.value.path, caught.value.type_name) == (path, type_name)


def test_a_time_zone_of_another_kind_is_refused_with_advice() -> None:
    class Zone(dt.tzinfo):
        def utcoffset(self, when: Any) -> dt.timedelta:
            return dt.timedelta()

        def dst(self, when: Any) -> None:
            return None

        def tzname(self, when: Any) -> str:
            return "zone"

    with pytest.raises(NotSendable, match="astimezone"):
        dumps([dt.datetime(2020, 1, 1, tzinfo=Zone())])


WRAPS: dict[str, Any] = {
    "list": lambda value: [value],
    "tuple": lambda value: (value,),
    "dict": lambda value: {1: value},
    "record": Record,
    "copied": Copied,
    "mixed": lambda value: random.choice([lambda v: [v], lambda v: (v,), lambda v: {"a": v, "b": 1}, Record])(value),
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


def test_equal_sets_are_packed_alike() -> None:
    items = [chr(97 + index) * 3 for index in range(20)]
    assert dumps(frozenset(items)) == dumps(frozenset(reversed(items)))
    assert loads(dumps(set(items))) == set(items)
    assert dumps({3, 1, 2}) == dumps({3, 1, 2} - {9}) == b"\xc7\x04\x02\x93\x01\x02\x03"


# -- garbage -----------------------------------------------------------------------------------------------------------


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
@given(st.integers(1, 16), values)
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


def test_a_standard_timestamp_is_read() -> None:
    assert loads(msgpack.packb(msgpack.Timestamp(1, 500_000_000))) == dt.datetime(
        1970, 1, 1, 0, 0, 1, 500_000, tzinfo=dt.UTC
    )


# -- unknown types -----------------------------------------------------------------------------------------------------


def test_unknown_types_are_marked() -> None:
    data = dumps([1, Leaf(1, "a"), (Node([Leaf(2, "b")]), {3: {Leaf(3, "c")}}), Shared(Leaf(4, "d")), Colour.RED])
    entry = BY_NAME.pop("test.codec.leaf")
    try:
        with pytest.raises(BadFrame, match=r"test\.codec\.leaf.*import the module"):
            loads(data)
        value, unknown = loads_marked(data)
    finally:
        BY_NAME["test.codec.leaf"] = entry
    mark = Unknown("test.codec.leaf")
    assert unknown == {"test.codec.leaf"}
    assert value == [1, mark, (mark, {3: {mark}}), mark, Colour.RED]
    assert find_unknown(value) == "test.codec.leaf"


def test_find_unknown_looks_through_containers() -> None:
    mark = Unknown("x")
    marked: list[Any] = [
        mark,
        [[mark]],
        (1, (mark,)),
        {mark: 1},
        {1: [mark]},
        {mark},
        frozenset({mark}),
        Copied([mark]),
    ]
    assert [find_unknown(value) for value in marked] == ["x"] * len(marked)
    known: list[Any] = [1, [], [1, (2,)], {"x": "x"}]
    assert [find_unknown(value) for value in known] == [None] * len(known)


# -- threads and finalisers --------------------------------------------------------------------------------------------


def test_packing_in_many_threads() -> None:
    failures: list[Any] = []
    interval = sys.getswitchinterval()

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(300):
            value = [seed, chance.random(), (seed, "x" * chance.randrange(50)), {"a": Leaf(seed, "b")}, 1 << 70]
            if loads(dumps(value)) != value:
                failures.append(value)

    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failures


def test_a_finaliser_may_pack_while_a_value_is_refused() -> None:
    """Refusing allocates an exception in the middle of a value; the collector then runs what it likes."""
    results: list[bytes] = []

    class Trash:
        def __init__(self) -> None:
            self.cycle = self
            weakref.finalize(self, lambda: results.append(dumps("finaliser")))

    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(200):
            Trash()
            assert loads(dumps(["some", "text", 1 << 64])) == ["some", "text", 1 << 64]
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert set(results) == {dumps("finaliser")}


def test_large_values_and_fixed_ones() -> None:
    big = b"x" * (5 << 20)
    assert loads(dumps([big, (big,)])) == [big, (big,)]
    assert loads(dumps(UUID(int=5))) == UUID(int=5)
    value = [b"x" * 300, (b"y" * 70_000,), {i: (i,) for i in range(70_000)}, [(i,) for i in range(70_000)]]
    assert loads(dumps(value)) == value
