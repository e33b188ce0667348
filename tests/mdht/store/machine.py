"""Any sequence of puts, batches and expiries, on a store and on the model: they must always agree."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager
from unittest import TestCase

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mdht.model import Record
from mdht.store import Batch, Region, Store, StoreLimits

from .making import NOW_S, PEERS, bounds, content, cost, named, owned
from .model import Model, slot

UNIT = cost(owned(b"k", bytes(100)))
BOUNDS = bounds(total=14 * UNIT, owner=4 * UNIT, peer=4 * UNIT, subnet=7 * UNIT, names=3, lease_s=500)

values = st.one_of(st.none(), st.integers(0, 3).map(lambda size: bytes(100 * size)))
expiries = st.integers(1, 900)
putters = st.sampled_from([None, *PEERS[:4], PEERS[0], PEERS[1]])
compares = st.sampled_from([None] * 8 + [0, 1, 2, 3])
leases = st.sampled_from([None, 100, 1000])


@st.composite
def records(draw: st.DrawFn, now_s: float) -> Record:
    kind = draw(st.sampled_from(["content", "owned", "owned", "named", "named"]))
    if kind == "content":
        return content(bytes([draw(st.integers(0, 5))]) * draw(st.sampled_from([10, 200])))
    make = owned if kind == "owned" else named
    return make(
        draw(st.sampled_from([b"k", b"l", b"m"])),
        draw(values),
        owner=draw(st.sampled_from([0, 0, 1, 2, 3, 4])),
        sequence=draw(st.integers(1, 5)),
        expires_s=now_s + draw(expiries),
    )


class StoreMachine(RuleBasedStateMachine):
    """A subclass names `opened`, a context that gives a store with `BOUNDS`."""

    def opened(self, limits: StoreLimits) -> AbstractContextManager[Store]:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.context = self.opened(BOUNDS)
        self.store = self.context.__enter__()
        self.model = Model(BOUNDS)
        self.now_s = NOW_S
        self.batch: Batch | None = None
        self.before: Model | None = None

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)

    @rule(data=st.data(), count=st.integers(1, 6))
    def put(self, data: st.DataObject, count: int) -> None:
        store = self.store if self.batch is None else self.batch
        for _ in range(count):
            record = data.draw(records(self.now_s))
            putter = data.draw(putters)
            compare = data.draw(compares)
            lease_s = data.draw(leases)
            verdict = store.put(record, self.now_s, putter, compare=compare, lease_s=lease_s)
            assert verdict == self.model.put(record, self.now_s, putter, compare, lease_s)

    @rule(later_s=st.sampled_from([0.25, 1, 60, 300]))
    def later(self, later_s: float) -> None:
        self.now_s += later_s

    @rule()
    def expire(self) -> None:
        store = self.store if self.batch is None else self.batch
        gone = store.expire(self.now_s)
        assert len(self.model.expire(self.now_s)) == len(gone)

    @precondition(lambda self: self.batch is None)
    @rule()
    def begin(self) -> None:
        self.batch, self.before = self.store.begin_batch(), copy.deepcopy(self.model)

    @precondition(lambda self: self.batch is not None)
    @rule(commit=st.booleans())
    def end(self, commit: bool) -> None:
        assert self.batch is not None
        assert self.before is not None
        if commit:
            self.batch.commit()
        else:
            self.batch.abort()
            self.model = self.before
        self.batch = self.before = None

    @precondition(lambda self: self.batch is None)
    @invariant()
    def agree(self) -> None:
        live, now_s = self.model.live(self.now_s), self.now_s
        page = self.store.scan(now_s)
        assert [(held.record, held.until_s, held.first_seen_ms) for held in page.held] == [
            (kept.record, kept.until_s, kept.first_ms) for kept in live
        ]
        stats = self.store.stats()
        everything = self.model.kept.values()
        assert (stats.records, stats.bytes) == (len(everything), sum(cost(kept.record) for kept in everything))
        assert self.store.next_expiry_s() == min((kept.until_s for kept in everything), default=None)
        for address in {kept.record.address for kept in everything}:
            here = [kept for kept in live if kept.record.address == address]
            here.sort(key=lambda kept: (kept.first_ms, slot(kept.record)))
            assert [held.record for held in self.store.get_all(address, now_s)] == [kept.record for kept in here]
            held = self.store.get(address, now_s)
            assert (held is None) == (not here)
        half = Region(b"\x55" * 32, 1 << 253, 3 << 254)
        assert [held.packed for held in self.store.scan(now_s, half).held] == [
            kept.record.pack() for kept in live if kept.record.address in half
        ]


def configured(machine: type[StoreMachine], examples: int) -> type[TestCase]:
    """Its test case."""
    case: type[TestCase] = machine.TestCase
    case.settings = settings(  # type: ignore[attr-defined]
        max_examples=examples, stateful_step_count=40, deadline=None
    )
    return case
