"""Bounds of a store, and their faults."""

from __future__ import annotations

import pickle

from mdht.model import Signed
from mdht.store import Held, MemoryStore, QuotaExceeded, StoreFull, StoreLimits, Superseded
from mdht.store.quota import TOTAL, Change, Usage

from .making import NOW_S, OWNERS, PEERS, bounds, cost, named, owned


def held(record: Signed, putter: int = 0) -> Held:
    return Held(record.pack(), record.expires_s, 0, PEERS[putter].peer, PEERS[putter].subnet)


def test_where_a_bound_was_lowered_what_is_there_may_be_replaced_and_deleted() -> None:
    used = Usage(10, 100_000)
    old, same, more = owned(), owned(sequence=2), owned(value=b"longer value", sequence=2)
    tight = bounds(total=5000, owner=5000, peer=5000, subnet=5000)
    for new in (same, owned(value=None, sequence=2)):
        assert Change((old, held(old)), (new, held(new))).refusal(lambda _: used, tight) is None
    assert isinstance(Change((old, held(old)), (more, held(more))).refusal(lambda _: used, tight), QuotaExceeded)
    assert Change((old, held(old)), None).refusal(lambda _: used, tight) is None


def test_a_change_of_putter_moves_the_charge() -> None:
    old, new = named(), named(sequence=2)
    booked: dict[bytes, Usage] = {}
    change = Change((old, held(old, 0)), (new, held(new, 2)))
    change.apply(lambda account: booked.get(account, Usage(5, 5000)), booked.__setitem__)
    size = cost(old)
    assert booked == {
        b"p" + PEERS[0].peer: Usage(4, 5000 - size),
        b"s" + PEERS[0].subnet.encode(): Usage(4, 5000 - size),
        b"p" + PEERS[2].peer: Usage(6, 5000 + size),
        b"s" + PEERS[2].subnet.encode(): Usage(6, 5000 + size),
    }, "owner, name and total have as much as before"


def test_accounts_are_what_is_there() -> None:
    store = MemoryStore()
    store.put(named(), NOW_S, PEERS[0])
    usage = Usage(1, cost(named()))
    assert store._shelf._usage == {
        b"n" + named().address: usage,
        b"o" + OWNERS[0]: usage,
        b"p" + PEERS[0].peer: usage,
        b"s" + PEERS[0].subnet.encode(): usage,
        TOTAL: usage,
    }


def test_faults_all_at_once() -> None:
    assert StoreLimits().faults() == []
    wrong = StoreLimits(total_bytes=5, name_owners=65, lease_s=0).faults()
    assert [fault.partition(":")[0] for fault in wrong] == ["total_bytes", "name_owners", "lease_s"]


def test_verdicts_cross_processes() -> None:
    for verdict in (QuotaExceeded("peer", "ab", 5, 6), StoreFull(1, 2), Superseded(1, 2)):
        assert pickle.loads(pickle.dumps(verdict)) == verdict
        assert str(verdict.error())
