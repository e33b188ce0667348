"""Round trips; packing from many threads, and from finalisers."""

from __future__ import annotations

import datetime as dt
import gc
import random
import sys
import threading
import weakref
from typing import Any
from uuid import UUID

import msgpack
from hypothesis import example, given, settings

from ipc.codec import dumps, loads, loads_marked

from .samples import Leaf, same, values


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


def test_equal_sets_are_packed_alike() -> None:
    items = [chr(97 + index) * 3 for index in range(20)]
    assert dumps(frozenset(items)) == dumps(frozenset(reversed(items)))
    assert loads(dumps(set(items))) == set(items)
    assert dumps({3, 1, 2}) == dumps({3, 1, 2} - {9}) == b"\xc7\x04\x02\x93\x01\x02\x03"


def test_a_standard_timestamp_is_read() -> None:
    assert loads(msgpack.packb(msgpack.Timestamp(1, 500_000_000))) == dt.datetime(
        1970, 1, 1, 0, 0, 1, 500_000, tzinfo=dt.UTC
    )


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
