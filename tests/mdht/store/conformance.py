"""What every store must do. A class that names `open_store` and is called Test… gets all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from mdht.errors import Conflict, Expired, FarFuture, TooManyOwners, WrongState
from mdht.errors import QuotaExceeded as QuotaError
from mdht.errors import StoreFull as FullError
from mdht.errors import Superseded as SupersededError
from mdht.limits import EXPIRES_S, VALUE_BYTES
from mdht.model import Record
from mdht.store import (
    NOBODY,
    CompareFailed,
    Gone,
    NotNewer,
    QuotaExceeded,
    Region,
    Store,
    Stored,
    StoreFull,
    StoreLimits,
    Superseded,
)

from .making import DAY_S, NOW_S, OWNERS, PEERS, bounds, content, cost, named, owned

Open = Callable[..., Store]


class StoreConformance:
    """The suite."""

    open_store: Callable[[StoreLimits], AbstractContextManager[Store]]

    @pytest.fixture
    def opened(self) -> Iterator[Open]:
        with ExitStack() as stack:
            yield lambda limits=None: stack.enter_context(type(self).open_store(limits or bounds()))

    @pytest.fixture
    def store(self, opened: Open) -> Store:
        return opened()

    # -- put and get ---------------------------------------------------------------------------------------------------

    def test_what_is_removed_is_gone_and_its_room_is_free(self, store: Store) -> None:
        one, two = content(b"one"), named(value=b"two")
        other = named(value=b"three", owner=1)
        for record in (one, two, other):
            store.put(record, NOW_S, PEERS[0])
        before = store.stats()
        assert store.remove(one.address)
        assert not store.remove(one.address)
        assert not store.remove(two.address), "an open name is removed with its owner"
        assert store.remove(two.address, two.owner)
        assert store.get(one.address, NOW_S) is None
        assert [held.record for held in store.get_all(two.address, NOW_S)] == [other]
        after = store.stats()
        assert (before.records, after.records) == (3, 1)
        assert after.bytes < before.bytes
        assert store.remove(other.address, other.owner)
        assert store.stats().bytes == 0
        assert store.next_expiry_s() is None
        assert isinstance(store.put(one, NOW_S, PEERS[0]), Stored)

    def test_empty(self, store: Store) -> None:
        assert store.get(bytes(32), NOW_S) is None
        assert store.get_all(bytes(32), NOW_S) == []
        assert store.owned_by(OWNERS[0]) == []
        assert store.scan(NOW_S).held == ()
        assert store.expire(NOW_S) == []
        assert store.next_expiry_s() is None
        assert store.stats().records == 0

    def test_content(self, store: Store) -> None:
        one = content(b"hello")
        assert store.put(one, NOW_S, PEERS[0]) == Stored(int(NOW_S) + DAY_S)
        held = store.get(one.address, NOW_S)
        assert held is not None
        assert held.record == one
        assert held.packed == one.pack()
        assert (held.until_s, held.first_seen_ms) == (int(NOW_S) + DAY_S, int(NOW_S * 1000))
        assert (held.putter, held.subnet) == (PEERS[0].peer, PEERS[0].subnet)
        assert store.get_all(one.address, NOW_S) == [held]

    def test_large_and_empty_values(self, store: Store) -> None:
        for one in (content(bytes(VALUE_BYTES)), content(b""), owned(bytes(1024), bytes(VALUE_BYTES)), owned(b"", b"")):
            assert store.put(one, NOW_S).holds
            held = store.get(one.address, NOW_S)
            assert held is not None
            assert held.record == one
            assert held.putter == NOBODY

    def test_a_higher_sequence_replaces(self, store: Store) -> None:
        first, second = owned(value=b"1"), owned(value=b"2", sequence=7)
        assert store.put(first, NOW_S) == Stored(first.expires_s)
        assert store.put(second, NOW_S + 5) == Stored(second.expires_s, replaced=1)
        held = store.get(first.address, NOW_S)
        assert held is not None
        assert held.record == second
        assert held.first_seen_ms == int(NOW_S * 1000), "the owner was seen there first then"
        verdict = store.put(first, NOW_S)
        assert verdict == Superseded(1, 7)
        assert isinstance(verdict.error(), SupersededError)
        again = store.put(second, NOW_S)
        assert again == NotNewer(second.expires_s)
        assert again.holds
        assert again.error() is None
        assert store.stats().records == 1

    def test_at_equal_sequence_the_greater_hash_wins_in_any_order(self, opened: Open) -> None:
        one, other = sorted((owned(value=b"1"), owned(value=b"2")), key=lambda record: record.value_hash)
        for order in ((one, other), (other, one)):
            store = opened()
            for record in order:
                store.put(record, NOW_S)
            held = store.get(one.address, NOW_S)
            assert held is not None
            assert held.record == other

    def test_a_tombstone_deletes_and_stays(self, store: Store) -> None:
        store.put(owned(), NOW_S)
        tombstone = owned(value=None, sequence=2)
        assert store.put(tombstone, NOW_S) == Stored(tombstone.expires_s, replaced=1)
        held = store.get(tombstone.address, NOW_S)
        assert held is not None
        assert held.record == tombstone
        assert store.put(owned(), NOW_S) == Superseded(1, 2), "what was deleted does not come back"
        assert store.put(owned(sequence=3), NOW_S) == Stored(tombstone.expires_s, replaced=2)

    def test_owners_of_an_owned_key_have_addresses_of_their_own(self, store: Store) -> None:
        one, other = owned(owner=1), owned(owner=2)
        store.put(one, NOW_S)
        assert store.get(other.address, NOW_S) is None
        store.put(other, NOW_S)
        assert store.get_all(one.address, NOW_S) == [store.get(one.address, NOW_S)]

    # -- compare and set -----------------------------------------------------------------------------------------------

    def test_compare_and_set(self, store: Store) -> None:
        assert store.put(owned(), NOW_S, compare=3) == CompareFailed(3, 0)
        assert store.put(owned(), NOW_S, compare=0).holds
        verdict = store.put(owned(sequence=5), NOW_S, compare=0)
        assert verdict == CompareFailed(0, 1)
        assert isinstance(verdict.error(), Conflict)
        assert store.put(owned(sequence=5), NOW_S, compare=1) == Stored(owned().expires_s, replaced=1)
        assert store.put(owned(sequence=5), NOW_S, compare=1).holds, "sent again because its answer was lost"
        assert store.put(owned(sequence=4), NOW_S, compare=5) == Superseded(4, 5)

    def test_what_is_over_is_not_there_to_compare_with(self, store: Store) -> None:
        store.put(owned(sequence=9, expires_s=NOW_S + 10), NOW_S)
        assert store.put(owned(sequence=1), NOW_S + 10, compare=0) == Stored(owned().expires_s)
        assert store.stats().records == 1

    # -- open names ----------------------------------------------------------------------------------------------------

    def test_an_open_name_keeps_every_owner(self, store: Store) -> None:
        for owner in (3, 1, 2):
            store.put(named(value=b"%d" % owner, owner=owner), NOW_S + 10 - owner)
        address = named().address
        assert [held.record for held in store.get_all(address, NOW_S)] == [
            named(value=b"%d" % owner, owner=owner) for owner in (3, 2, 1)
        ]
        held = store.get(address, NOW_S)
        assert held is not None
        assert held.record == named(value=b"3", owner=3), "the one first seen"
        held = store.get(address, NOW_S, OWNERS[2])
        assert held is not None
        assert held.record == named(value=b"2", owner=2)
        assert store.get(address, NOW_S, OWNERS[9]) is None

    def test_get_of_an_open_name_passes_over_the_deleted(self, store: Store) -> None:
        store.put(named(owner=1), NOW_S)
        store.put(named(owner=2), NOW_S + 1)
        store.put(named(value=None, owner=1, sequence=2), NOW_S + 2)
        held = store.get(named().address, NOW_S)
        assert held is not None
        assert held.record == named(owner=2)
        assert len(store.get_all(named().address, NOW_S)) == 2
        store.put(named(value=None, owner=2, sequence=2), NOW_S + 3)
        held = store.get(named().address, NOW_S)
        assert held is not None
        assert held.record == named(value=None, owner=1, sequence=2)

    def test_owners_of_a_name_are_bounded(self, store: Store) -> None:
        for owner in range(64):
            assert store.put(named(owner=owner, expires_s=NOW_S + 100 + owner), NOW_S).holds
        verdict = store.put(named(owner=64), NOW_S)
        assert verdict == QuotaExceeded("name", named().address.hex(), 64, 64, "records")
        assert isinstance(verdict.error(), TooManyOwners)
        assert store.put(named(owner=5, sequence=2), NOW_S).holds, "those who are there may change theirs"
        assert store.put(named(b"other", owner=64), NOW_S).holds
        assert store.put(named(owner=64), NOW_S + 100).holds, "one was over by then"
        assert len(store.get_all(named().address, NOW_S)) == 64

    # -- leases and expiry ---------------------------------------------------------------------------------------------

    def test_leases_are_bounded_and_renewed_at_the_cost_of_who_renews(self, opened: Open) -> None:
        one = content(b"x")
        store = opened(bounds(peer=cost(one), lease_s=1000))
        assert store.put(one, NOW_S, PEERS[0], lease_s=50) == Stored(int(NOW_S) + 50)
        assert store.put(one, NOW_S, PEERS[1], lease_s=20) == NotNewer(int(NOW_S) + 50)
        assert isinstance(store.put(content(b"y"), NOW_S, PEERS[0]), QuotaExceeded)
        assert store.put(one, NOW_S + 10, PEERS[1], lease_s=9999) == Stored(int(NOW_S) + 1010, renewed=True)
        assert store.put(content(b"y"), NOW_S, PEERS[0]).holds, "it is not charged any more"
        assert isinstance(store.put(content(b"z"), NOW_S, PEERS[1]), QuotaExceeded)
        held = store.get(one.address, NOW_S)
        assert held is not None
        assert (held.putter, held.first_seen_ms) == (PEERS[1].peer, int(NOW_S * 1000))

    def test_what_is_over_is_not_shown(self, store: Store) -> None:
        first, second = owned(expires_s=NOW_S + 10), named(expires_s=NOW_S + 10)
        for one in (first, second):
            store.put(one, NOW_S)
            assert store.get(one.address, NOW_S + 9.9) is not None
            assert store.get(one.address, NOW_S + 10) is None
            assert store.get(one.address, NOW_S + 10, OWNERS[0]) is None
            assert store.get_all(one.address, NOW_S + 10) == []
        assert store.scan(NOW_S + 10).held == ()
        assert store.stats().records == 2

    def test_expiry_in_order_and_by_parts(self, store: Store) -> None:
        for number, after_s in enumerate((30, 10, 20, 40)):
            store.put(named(owner=number, expires_s=NOW_S + after_s), NOW_S)
        store.put(content(b"x"), NOW_S, lease_s=25)
        address = named().address
        assert store.next_expiry_s() == int(NOW_S) + 10
        assert store.expire(NOW_S + 9.9) == []
        assert store.expire(NOW_S + 30, count=2) == [Gone(address, OWNERS[1]), Gone(address, OWNERS[2])]
        assert store.expire(NOW_S + 30) == [Gone(content(b"x").address, b""), Gone(address, OWNERS[0])]
        assert store.next_expiry_s() == int(NOW_S) + 40
        assert store.owned_by(OWNERS[0]) == []
        stats = store.stats()
        assert (stats.records, stats.expired, stats.bytes) == (1, 4, cost(named()))

    def test_a_later_expiry_counts(self, store: Store) -> None:
        store.put(owned(expires_s=NOW_S + 10), NOW_S)
        store.put(owned(sequence=2, expires_s=NOW_S + 50), NOW_S)
        store.put(owned(sequence=3, expires_s=NOW_S + 20), NOW_S)
        assert store.next_expiry_s() == int(NOW_S) + 20
        assert store.expire(NOW_S + 19) == []
        assert len(store.expire(NOW_S + 20)) == 1
        assert store.next_expiry_s() is None

    def test_impossible_times_are_refused(self, store: Store) -> None:
        with pytest.raises(Expired):
            store.put(owned(expires_s=NOW_S), NOW_S)
        with pytest.raises(FarFuture):
            store.put(owned(expires_s=NOW_S + EXPIRES_S + 100), NOW_S)
        assert store.stats().records == 0
        assert store.put(owned(), NOW_S).holds

    # -- quotas --------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("scope", ["owner", "peer", "subnet"])
    def test_shares(self, opened: Open, scope: str) -> None:
        one = owned(b"0", bytes(1000))
        store = opened(bounds(total=10 * cost(one), **{scope: 3 * cost(one)}))
        for number in range(3):
            assert store.put(owned(b"%d" % number, bytes(1000)), NOW_S, PEERS[0]).holds
        verdict = store.put(owned(b"3", bytes(1000)), NOW_S, PEERS[0])
        assert isinstance(verdict, QuotaExceeded)
        assert (verdict.scope, verdict.used, verdict.limit) == (scope, 3 * cost(one), 3 * cost(one))
        assert isinstance(verdict.error(), QuotaError)
        assert not verdict.holds
        record = owned(b"3", bytes(1000), owner=int(scope == "owner"))
        putter = {"owner": PEERS[0], "peer": PEERS[1], "subnet": PEERS[2]}[scope]
        assert store.put(record, NOW_S, putter).holds, "somebody else may"
        assert store.put(owned(b"0", bytes(1000), sequence=2), NOW_S, PEERS[0]).holds, "replacing takes no more"
        assert isinstance(store.put(owned(b"0", bytes(1001), sequence=3), NOW_S, PEERS[0]), QuotaExceeded)
        assert store.put(owned(b"0", None, sequence=3), NOW_S, PEERS[0]).holds, "and deleting makes room"
        assert store.put(owned(b"4", bytes(500)), NOW_S, PEERS[0]).holds

    def test_shares_come_before_full(self, opened: Open) -> None:
        one = content(bytes(1000))
        store = opened(bounds(total=2 * cost(one), peer=2 * cost(one)))
        store.put(content(b"1" * 1000), NOW_S, PEERS[0])
        store.put(content(b"2" * 1000), NOW_S, PEERS[0])
        assert isinstance(store.put(content(b"3" * 1000), NOW_S, PEERS[0]), QuotaExceeded)
        verdict = store.put(content(b"3" * 1000), NOW_S, PEERS[1])
        assert verdict == StoreFull(2 * cost(one), 2 * cost(one))
        assert isinstance(verdict.error(), FullError)
        assert store.put(content(b"3" * 1000), NOW_S + DAY_S, PEERS[1]).holds, "what is over makes room"
        stats = store.stats()
        assert (stats.full, stats.quota_exceeded, stats.stored) == (1, 1, 3)

    def test_own_puts_are_not_charged_to_a_peer(self, opened: Open) -> None:
        one = content(bytes(1000))
        store = opened(bounds(peer=cost(one), subnet=cost(one)))
        for number in range(5):
            assert store.put(content(b"%d" % number * 1000), NOW_S).holds
        assert store.put(one, NOW_S, PEERS[0]).holds

    def test_a_deletion_through_a_peer_without_a_share_finds_room(self, opened: Open) -> None:
        store = opened(bounds(peer=cost(owned()) + 10))
        store.put(owned(), NOW_S, PEERS[0])
        store.put(owned(b"other"), NOW_S, PEERS[2])
        assert store.put(owned(value=None, sequence=2), NOW_S, PEERS[2]).holds
        held = store.get(owned().address, NOW_S)
        assert held is not None
        assert held.putter == PEERS[0].peer

    def test_sums_are_right_after_everything_is_gone(self, store: Store) -> None:
        for number in range(20):
            store.put(owned(b"%d" % (number % 7), bytes(number), sequence=number + 1), NOW_S, PEERS[number % 4])
            store.put(content(b"%d" % (number % 5)), NOW_S + number, PEERS[number % 3])
            store.put(named(b"n", owner=number % 3, sequence=number + 1), NOW_S, PEERS[number % 5])
        assert store.stats().bytes == sum(len(held.packed) + 256 for held in store.scan(NOW_S).held)
        store.expire(NOW_S + 40 * DAY_S)
        stats = store.stats()
        assert (stats.records, stats.bytes) == (0, 0)
        assert store.next_expiry_s() is None

    # -- indices and scans ---------------------------------------------------------------------------------------------

    def test_by_owner(self, store: Store) -> None:
        mine = [owned(b"%d" % number, owner=1) for number in range(5)] + [named(b"n", owner=1)]
        everybodys: list[Record] = [*mine, owned(owner=2), content(b"x")]
        for record in everybodys:
            store.put(record, NOW_S)
        addresses = sorted(record.address for record in mine)
        assert store.owned_by(OWNERS[1]) == addresses
        assert store.owned_by(OWNERS[1], count=2) == addresses[:2]
        assert store.owned_by(OWNERS[1], count=2, after=addresses[1]) == addresses[2:4]
        assert store.owned_by(OWNERS[3]) == []

    @pytest.mark.parametrize("count", [1, 7, 1000])
    def test_scan_sees_everything_once(self, store: Store, count: int) -> None:
        records: list[Record] = [content(b"%d" % number) for number in range(40)]
        records += [named(owner=owner) for owner in range(10)]
        for record in records:
            store.put(record, NOW_S)
        seen: list[bytes] = []
        after: bytes | None = None
        while True:
            page = store.scan(NOW_S, after=after, count=count)
            assert len(page.held) <= count
            seen += [held.packed for held in page.held]
            after = page.after
            if after is None:
                break
        assert len(seen) == len(records)
        assert set(seen) == {record.pack() for record in records}

    @pytest.mark.parametrize(("low", "high"), [(0, 1 << 255), (1 << 250, 1 << 254), (3 << 250, (1 << 256) - 1), (5, 5)])
    def test_scan_of_a_region(self, store: Store, low: int, high: int) -> None:
        records = [content(b"%d" % number) for number in range(100)]
        for record in records:
            store.put(record, NOW_S)
        centre = records[17].address
        region = Region(centre, low, high)
        expected = {record.pack() for record in records if record.address in region}
        seen: list[bytes] = []
        after: bytes | None = None
        while True:
            page = store.scan(NOW_S, region, after, count=9)
            seen += [held.packed for held in page.held]
            after = page.after
            if after is None:
                break
        assert sorted(seen) == sorted(expected)

    def test_pages_are_bounded_in_bytes(self, store: Store) -> None:
        with store.begin_batch() as batch:
            for number in range(100):
                batch.put(content(bytes([number]) * VALUE_BYTES), NOW_S)
        page = store.scan(NOW_S, count=1000)
        assert 60 <= len(page.held) <= 66
        assert page.after is not None
        assert len(store.scan(NOW_S, after=page.after, count=1000).held) == 100 - len(page.held)

    def test_scan_while_things_change(self, store: Store) -> None:
        records = sorted((content(b"%d" % number) for number in range(30)), key=lambda record: record.address)
        for record in records[::2]:
            store.put(record, NOW_S, lease_s=100)
        page = store.scan(NOW_S, count=5)
        store.expire(NOW_S + 100)
        for record in records:
            store.put(record, NOW_S + 100)
        rest = store.scan(NOW_S + 100, after=page.after, count=99)
        assert [held.record for held in rest.held] == records[9:]

    # -- batches -------------------------------------------------------------------------------------------------------

    def test_a_batch_is_kept_whole(self, store: Store) -> None:
        batch = store.begin_batch()
        given = [batch.put(owned(b"%d" % number, sequence=1), NOW_S) for number in range(10)]
        assert batch.put(owned(b"0", sequence=2), NOW_S) == Stored(owned().expires_s, replaced=1), "it sees itself"
        assert not batch.ended
        assert batch.commit() == [*given, Stored(owned().expires_s, replaced=1)]
        assert batch.ended
        assert store.stats().records == 10
        assert store.stats().stored == 11

    def test_an_aborted_batch_leaves_nothing(self, store: Store) -> None:
        store.put(owned(b"kept"), NOW_S, PEERS[0])
        store.put(content(b"old"), NOW_S, lease_s=10)
        before = store.scan(NOW_S), store.stats().bytes, store.next_expiry_s(), store.owned_by(OWNERS[0])
        batch = store.begin_batch()
        batch.put(owned(b"kept", b"changed", sequence=2), NOW_S, PEERS[1])
        batch.put(named(), NOW_S)
        batch.put(content(b"new"), NOW_S)
        batch.put(content(b"old"), NOW_S)
        batch.expire(NOW_S + 2 * DAY_S)
        batch.abort()
        batch.abort()
        assert (store.scan(NOW_S), store.stats().bytes, store.next_expiry_s(), store.owned_by(OWNERS[0])) == before
        assert store.put(owned(b"kept", b"changed", sequence=2), NOW_S).holds

    def test_a_batch_as_a_context(self, store: Store) -> None:
        with store.begin_batch() as batch:
            batch.put(owned(), NOW_S)
        with pytest.raises(RuntimeError), store.begin_batch() as batch:
            batch.put(named(), NOW_S)
            raise RuntimeError
        with store.begin_batch() as batch:
            batch.abort()
        assert store.stats().records == 1

    def test_a_bad_put_does_not_spoil_the_batch(self, store: Store) -> None:
        with store.begin_batch() as batch:
            batch.put(owned(b"1"), NOW_S)
            with pytest.raises(Expired):
                batch.put(owned(b"2", expires_s=NOW_S - 1), NOW_S)
            batch.put(owned(b"3"), NOW_S)
        assert store.stats().records == 2

    def test_one_batch_at_a_time(self, store: Store) -> None:
        batch = store.begin_batch()
        for use in (store.begin_batch, lambda: store.put(owned(), NOW_S), lambda: store.expire(NOW_S)):
            with pytest.raises(WrongState, match="in a batch"):
                use()
        batch.commit()
        for late in (batch.commit, lambda: batch.put(owned(), NOW_S), lambda: batch.expire(NOW_S)):
            with pytest.raises(WrongState, match="ended"):
                late()

    # -- the rest ------------------------------------------------------------------------------------------------------

    def test_closing(self, store: Store) -> None:
        batch = store.begin_batch()
        batch.put(owned(), NOW_S)
        store.close()
        store.close()
        assert batch.ended
        for use in (lambda: store.get(bytes(32), NOW_S), lambda: store.put(owned(), NOW_S), lambda: store.scan(NOW_S)):
            with pytest.raises(WrongState, match="closed"):
                use()

    def test_stats(self, store: Store) -> None:
        store.put(owned(), NOW_S)
        store.put(owned(), NOW_S)
        store.put(owned(sequence=2), NOW_S, compare=7)
        store.put(owned(sequence=2), NOW_S)
        store.put(owned(sequence=1), NOW_S)
        store.get(owned().address, NOW_S)
        store.get(bytes(32), NOW_S)
        stats = store.stats()
        assert (stats.stored, stats.not_newer, stats.compare_failed, stats.superseded) == (2, 1, 1, 1)
        assert (stats.gets, stats.hits, stats.records, stats.limit_bytes) == (2, 1, 1, 1 << 30)
