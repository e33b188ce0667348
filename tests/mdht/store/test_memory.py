"""The store in memory: the conformance suite, the model, and what it does not hold on to."""

from __future__ import annotations

from contextlib import AbstractContextManager

from mdht.store import MemoryStore, Store, StoreLimits

from .conformance import StoreConformance
from .machine import StoreMachine, configured
from .making import NOW_S, content


class TestMemoryStore(StoreConformance):
    open_store = staticmethod(MemoryStore)


class MemoryMachine(StoreMachine):
    def opened(self, limits: StoreLimits) -> AbstractContextManager[Store]:
        return MemoryStore(limits)


TestMemoryModel = configured(MemoryMachine, 150)


def test_what_comes_and_goes_leaves_nothing_behind() -> None:
    store = MemoryStore()
    for number in range(5000):
        store.put(content(b"%d" % number), NOW_S + number, lease_s=10)
        store.expire(NOW_S + number)
    shelf = store._shelf
    assert store.stats().records < 20
    assert len(shelf._fresh) + len(shelf._sorted) < 1000
    assert len(shelf.expiry._heap) < 200
    store.expire(NOW_S + 9999)
    assert shelf._usage == {}
    assert store.scan(NOW_S).held == ()
