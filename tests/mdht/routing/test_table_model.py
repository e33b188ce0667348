"""The table under any sequence of events: `closest` against a sorted list, and bounds that hold throughout."""

from __future__ import annotations

import copy
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mdht.routing import Change, Contact, DiversityLimits, RoutingTable, Snapshot, TableConfig, shared_bits, subnet_of
from mdht.routing.keys import to_int

from .contacts import OWN, by_distance, contact

CONFIG = TableConfig(
    bucket_size=3, wider=(2,), siblings=4, spares=2, replace_after=1, drop_after=2, diversity=DiversityLimits(2, 4)
)

peers = st.builds(
    contact,
    st.integers(0, 4),
    st.sampled_from(["8.8.8.8", "9.9.9.9", "10.0.0.1", "2001:db8::1", None]),
    bits=st.integers(0, 4),
)
moments = st.floats(0, 100)


class TableMachine(RuleBasedStateMachine):
    """`held` is what the outcomes say is in the table."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RoutingTable(OWN, 0.0, CONFIG)
        self.held: dict[bytes, Contact] = {}
        self.now_s = 0.0
        self.version = 0

    def seen(self, peer: Contact, later_s: float) -> None:
        self.now_s += later_s
        outcome = self.table.seen(peer, self.now_s)
        if outcome.change in (Change.ADDED, Change.HELD):
            self.held[peer.id] = peer
        elif outcome.change is Change.REFUSED:
            self.held.pop(peer.id, None)
        if outcome.replaced is not None:
            del self.held[outcome.replaced.id]
        if outcome.promoted is not None:
            self.held[outcome.promoted.id] = outcome.promoted

    @rule(peer=peers, later_s=moments)
    def seen_once(self, peer: Contact, later_s: float) -> None:
        self.seen(peer, later_s)

    @rule(some=st.lists(peers, min_size=2, max_size=12))
    def seen_many(self, some: list[Contact]) -> None:
        for peer in some:
            self.seen(peer, 1.0)

    @rule(peer=peers)
    def heard(self, peer: Contact) -> None:
        before = len(self.table)
        self.table.heard(peer, self.now_s)
        assert len(self.table) == before

    @rule(peer=peers, remove=st.booleans())
    def gone(self, peer: Contact, remove: bool) -> None:
        outcome = self.table.remove(peer.id) if remove else self.table.failed(peer.id, self.now_s)
        if outcome.change is Change.DROPPED:
            self.held.pop(peer.id, None)
        if outcome.promoted is not None:
            self.held[outcome.promoted.id] = outcome.promoted

    @rule(bucket=st.integers(0, 5), random=st.integers(0, 1 << 300))
    def refresh(self, bucket: int, random: int) -> None:
        if bucket < self.table.stats().buckets:
            self.table.looked_up(self.table.refresh_target(bucket, random), self.now_s)
            assert bucket not in self.table.due(self.now_s)

    @rule()
    def save_and_load(self) -> None:
        snapshot = Snapshot.from_bytes(self.table.save())
        assert [known.contact for known in snapshot.rows] == [known.contact for known in self.table]
        other = RoutingTable(OWN, self.now_s, CONFIG)
        assert other.restore(snapshot, self.now_s) == len(other) <= len(self.table)
        if not any(known.contact.host != "10.0.0.1" for known in snapshot.rows):
            assert len(other) == len(self.table)

    @rule(peer=peers, count=st.integers(1, 12))
    def closest(self, peer: Contact, count: int) -> None:
        failing = {known.contact.id for known in self.table if known.failed}
        ordered = by_distance(list(self.held.values()), peer.id)
        healthy = [one for one in ordered if one.id not in failing]
        expected = (healthy + [one for one in ordered if one.id in failing])[:count]
        assert self.table.closest(peer.id, count) == expected
        assert self.table.snapshot().closest(peer.id, count) == (healthy or ordered)[:count]

    @invariant()
    def holds_what_it_said(self) -> None:
        assert {known.contact.id: known.contact for known in self.table} == self.held
        assert len(self.table) == len(self.held)
        assert all(peer_id in self.table for peer_id in self.held)

    @invariant()
    def is_bounded(self) -> None:
        stats = self.table.stats()
        last = stats.buckets - 1
        fill = Counter(min(shared_bits(to_int(peer_id), 0), last) for peer_id in self.held)
        assert all(count <= CONFIG.capacity(bucket) for bucket, count in fill.items())
        assert fill[last] <= CONFIG.bucket_size
        assert stats.spares <= CONFIG.spares * stats.buckets
        subnets = Counter(subnet_of(one.host) for one in self.held.values() if one.host != "10.0.0.1")
        assert all(count <= CONFIG.diversity.table for count in subnets.values())
        places = Counter(
            (min(shared_bits(to_int(one.id), 0), last), subnet_of(one.host))
            for one in self.held.values()
            if one.host != "10.0.0.1"
        )
        assert all(count <= CONFIG.diversity.bucket for count in places.values())
        assert stats.failing == sum(known.failed > 0 for known in self.table)

    @invariant()
    def counts_subnets_right(self) -> None:
        """Once everybody is removed, nobody is counted."""
        table = copy.deepcopy(self.table)
        while len(table) or table.stats().spares:
            for bucket in table._buckets:
                for peer_id in (*bucket.entries, *bucket.spares):
                    table.remove(peer_id)
        assert not table._diversity._table
        assert not table._diversity._buckets
        assert table.stats().failing == 0

    @invariant()
    def version_grows_with_every_change(self) -> None:
        snapshot = self.table.snapshot()
        assert snapshot.version == self.table.version >= self.version
        assert [row.contact for row in snapshot.rows] == [known.contact for known in self.table]
        self.version = self.table.version


TestTable = TableMachine.TestCase
TestTable.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)
