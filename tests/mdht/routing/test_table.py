"""The routing table: who gets in, who stays, who goes."""

from __future__ import annotations

import random

import pytest

from mdht.routing import Change, Contact, DiversityLimits, Outcome, Reason, RoutingTable, TableConfig, shared_bits
from mdht.routing.keys import to_int

from .contacts import OWN, by_distance, contact, table


def fill(routing: RoutingTable, count: int, bits: int = 0, now_s: float = 1.0) -> list[Contact]:
    """So many contacts into one bucket, after one that makes the table split beyond it."""
    routing.seen(contact(0, bits=bits + 5), now_s)
    made = [contact(1 + number, bits=bits) for number in range(count)]
    for one in made:
        routing.seen(one, now_s)
    return made


def test_added_seen_again_and_forgotten() -> None:
    routing = table()
    one = contact(1)
    assert routing.seen(one, 1.0) == Outcome(Change.ADDED)
    assert routing.seen(one, 5.0) == Outcome(Change.HELD)
    known = routing.get(one.id)
    assert known is not None
    assert (known.first_seen_s, known.last_seen_s, known.failed) == (1.0, 5.0, 0)
    assert one.id in routing
    assert [known.contact for known in routing] == [one]
    assert routing.remove(one.id).change is Change.DROPPED
    assert routing.remove(one.id).change is Change.UNKNOWN
    assert routing.get(one.id) is None
    assert len(routing) == 0


def test_own_id_and_wrong_lengths() -> None:
    routing = table()
    assert routing.seen(Contact(OWN, "8.8.8.8", 1), 0.0).reason is Reason.OWN_ID
    for call in (routing.get, routing.remove, lambda peer: routing.closest(peer, 1)):
        with pytest.raises(ValueError, match="32 bytes"):
            call(b"short")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("id", (b"", "h", 1)),
        ("host", (OWN, "h" * 300, 1)),
        ("port", (OWN, "h", 70_000)),
        ("data", (OWN, "h", 1, bytes(9999))),
    ],
)
def test_contacts_are_bounded(field: str, wrong: tuple[bytes, str, int]) -> None:
    with pytest.raises(ValueError, match=field):
        Contact(*wrong)


def test_only_the_last_bucket_is_split() -> None:
    routing = table()
    for number in range(40):
        routing.seen(contact(number, bits=0), 1.0)
    assert routing.stats().buckets == 2, "the far half overflowed, and the near half is empty"
    assert len(routing) == 4
    for number in range(4):
        assert routing.seen(contact(number, bits=3), 1.0).change is Change.ADDED
    assert routing.seen(contact(9, bits=7), 1.0).change is Change.ADDED
    assert routing.stats().buckets == 5


def test_first_buckets_are_wider() -> None:
    routing = table(wider=(4, 2))
    for number in range(100):
        for bits in range(4):
            routing.seen(contact(number, bits=bits), 1.0)
    counts = [sum(shared_bits(to_int(known.contact.id), 0) == bits for known in routing) for bits in range(4)]
    assert counts == [16, 8, 4, 4]


def test_a_full_bucket_keeps_the_old_and_names_whom_to_check() -> None:
    routing = table(questionable_s=100.0, check_again_s=50.0)
    old = fill(routing, 4, now_s=1.0)
    new = contact(99)
    assert routing.seen(new, 50.0) == Outcome(Change.SPARE), "nobody is in doubt yet"
    routing.seen(old[0], 60.0)
    assert routing.seen(new, 120.0) == Outcome(Change.SPARE, check=old[1])
    assert routing.seen(new, 130.0) == Outcome(Change.SPARE, check=None), "somebody was told already"
    assert routing.seen(new, 171.0).check == old[1]
    assert {known.contact for known in routing} > set(old)


def test_a_failing_contact_goes_for_a_spare_or_after_long() -> None:
    routing = table(replace_after=2, drop_after=4)
    old = fill(routing, 4)
    routing.failed(old[0].id, 2.0)
    for _ in range(2):
        assert routing.failed(old[0].id, 2.0) == Outcome(Change.HELD)
    assert routing.failed(old[0].id, 2.0) == Outcome(Change.DROPPED)
    routing.seen(old[0], 3.0)
    for number in (50, 51):
        assert routing.seen(contact(number), 3.0 + number).change is Change.SPARE
    assert routing.failed(old[1].id, 60.0).change is Change.HELD
    assert routing.failed(old[1].id, 61.0) == Outcome(Change.DROPPED, promoted=contact(51)), "the one seen last"
    assert contact(51).id in routing
    assert routing.stats().evicted == 2
    assert routing.failed(b"x" * 32, 1.0).change is Change.UNKNOWN


def test_an_answer_forgives_failures() -> None:
    routing = table()
    one = fill(routing, 1)[0]
    routing.failed(one.id, 2.0)
    assert routing.stats().failing == 1
    routing.seen(one, 3.0)
    assert routing.stats().failing == 0
    known = routing.get(one.id)
    assert known is not None
    assert known.failed == 0


def test_failing_contacts_are_named_last() -> None:
    routing = table(bucket_size=20)
    contacts = [*fill(routing, 12), contact(0, bits=5)]
    target = contacts[3].id
    expected = by_distance(contacts, target)
    routing.failed(expected[0].id, 2.0)
    routing.failed(expected[2].id, 2.0)
    assert routing.closest(target, 5) == [expected[1], *expected[3:7]]
    assert routing.closest(target, 99) == [expected[1], *expected[3:], expected[0], expected[2]]


def test_spares_are_bounded_and_the_proven_ones_stay() -> None:
    routing = table(spares=2)
    fill(routing, 4)
    assert routing.heard(contact(60), 1.0).change is Change.SPARE
    assert routing.heard(contact(61), 1.0).change is Change.SPARE
    assert routing.heard(contact(62), 1.0).reason is Reason.NO_ROOM
    assert routing.heard(contact(61), 1.0).change is Change.HELD
    assert routing.seen(contact(70), 5.0).change is Change.SPARE
    assert routing.seen(contact(71), 6.0).change is Change.SPARE
    assert routing.stats().spares == 2
    for number in (60, 61):
        assert routing.failed(contact(number).id, 7.0).change is Change.UNKNOWN, "they made room for the proven"
    assert routing.failed(contact(70).id, 7.0).change is Change.DROPPED, "a spare goes at once"


def test_a_spare_keeps_the_time_when_it_was_first_seen() -> None:
    routing = table(bucket_size=4)
    old = fill(routing, 4)
    routing.seen(contact(60), 10.0)
    routing.remove(old[0].id)
    known = routing.get(contact(60).id)
    assert known is not None, "it took the place"
    assert (known.first_seen_s, known.last_seen_s) == (10.0, 10.0)
    routing.seen(contact(61), 20.0)
    routing.seen(contact(61), 30.0)
    routing.remove(contact(60).id)
    known = routing.get(contact(61).id)
    assert known is not None
    assert (known.first_seen_s, known.last_seen_s) == (20.0, 30.0)


def test_hearsay_is_dialled_before_it_is_taken_in() -> None:
    routing = table()
    routing.heard(contact(1), 1.0)
    routing.heard(contact(2), 1.0)
    assert len(routing) == 0
    assert routing.closest(contact(1).id, 3) == []
    assert routing.unproven(1) == [contact(1)]
    assert routing.seen(contact(1), 2.0).change is Change.ADDED
    assert routing.unproven(9) == [contact(2)]
    assert routing.heard(contact(1), 3.0).change is Change.HELD


def test_no_spare_that_was_only_heard_of_is_promoted() -> None:
    routing = table(replace_after=1, drop_after=1)
    old = fill(routing, 4)
    routing.heard(contact(60), 1.0)
    assert routing.failed(old[0].id, 2.0) == Outcome(Change.DROPPED, promoted=None)
    assert routing.unproven(5) == [contact(60)], "but there is room for it now"


def test_diversity_in_bucket_and_table() -> None:
    routing = table(bucket_size=20, diversity=DiversityLimits(bucket=2, table=3))
    fill(routing, 21)
    same = [contact(200 + number, "8.8.8.8", bits=0) for number in range(3)]
    assert routing.stats().buckets > 1
    outcomes = [routing.seen(one, 1.0).reason for one in same]
    assert outcomes == [None, None, Reason.DIVERSITY]
    assert routing.seen(contact(300, "8.8.8.1", bits=2), 1.0).change is Change.ADDED
    assert routing.seen(contact(301, "8.8.8.2", bits=4), 1.0).reason is Reason.DIVERSITY, "three in the table"
    assert routing.heard(contact(302, "8.8.8.2", bits=4), 1.0).reason is Reason.DIVERSITY
    assert routing.stats().refused_diversity == 3
    routing.remove(same[0].id)
    assert routing.seen(contact(301, "8.8.8.2", bits=4), 1.0).change is Change.ADDED


def test_local_addresses_are_not_counted_unless_asked() -> None:
    free, strict = table(bucket_size=20), table(bucket_size=20, diversity=DiversityLimits(count_local=True))
    for number in range(10):
        free.seen(contact(number, "127.0.0.1"), 1.0)
        strict.seen(contact(number, "127.0.0.1"), 1.0)
    assert (len(free), len(strict)) == (10, 2)


def test_moving_into_a_crowded_subnet() -> None:
    routing = table(bucket_size=20)
    made = [contact(1, "8.8.8.1"), contact(2, "8.8.8.2"), contact(3)]
    for one in made:
        routing.seen(one, 1.0)
    moved = Contact(made[2].id, "8.8.8.3", 1)
    assert routing.seen(moved, 2.0).reason is Reason.DIVERSITY
    assert moved.id not in routing
    again = Contact(made[0].id, "9.9.9.9", 2, b"record")
    assert routing.seen(again, 3.0).change is Change.HELD
    assert routing.closest(again.id, 1) == [again]
    assert routing.seen(moved, 4.0).change is Change.ADDED


class Shunned:
    """Trust that shuns some."""

    def __init__(self) -> None:
        self.shunned: set[bytes] = set()

    def peer(self, peer_id: bytes) -> float:
        return -1.0 if peer_id in self.shunned else 0.0

    def owner(self, owner: bytes) -> float:
        return 0.0


def test_the_shunned_get_no_place_and_lose_theirs() -> None:
    trust = Shunned()
    routing = RoutingTable(OWN, 0.0, TableConfig(), trust)
    routing.seen(contact(1), 1.0)
    trust.shunned |= {contact(1).id, contact(2).id}
    assert routing.seen(contact(2), 1.0).reason is Reason.TRUST
    assert routing.heard(contact(2), 1.0).reason is Reason.TRUST
    assert routing.seen(contact(1), 2.0).reason is Reason.TRUST
    assert len(routing) == 0


def test_siblings_find_room_in_a_full_bucket() -> None:
    routing = table(siblings=3)
    fill(routing, 4, bits=2)  # and one contact nearer: the siblings are that and two of these four
    nearer = contact(0, bits=2)
    farther = contact(1 << 250, bits=2)
    assert routing.seen(farther, 5.0).change is Change.SPARE
    outcome = routing.seen(nearer, 5.0)
    assert outcome == Outcome(Change.ADDED, replaced=contact(4, bits=2))
    assert routing.get(contact(4, bits=2).id) is None
    assert routing.stats().spares == 2


def test_refreshing() -> None:
    routing = table(now_s=100.0, refresh_s=900.0)
    assert routing.next_deadline(200.0) == 1000.0
    assert routing.due(999.9) == []
    assert routing.due(1000.0) == [0]
    assert routing.next_deadline(2000.0) == 2000.0
    fill(routing, 5)
    buckets = routing.stats().buckets
    assert routing.due(1000.0) == list(range(buckets))
    routing.looked_up(contact(1, bits=0).id, 1000.0)
    assert routing.due(1000.0) == list(range(1, buckets))
    assert routing.next_deadline(1000.0) == 1000.0


def test_refresh_targets_lie_in_their_bucket() -> None:
    own = random.Random(1).randbytes(32)
    routing = RoutingTable(own, 0.0, TableConfig(bucket_size=2, wider=(), siblings=0))
    draw = random.Random(2)
    for number in range(300):
        routing.seen(Contact(draw.randbytes(32), f"{11 + number % 90}.{number % 256}.{number % 250}.1", 1), 1.0)
    buckets = routing.stats().buckets
    assert buckets > 5
    for bucket in range(buckets):
        for _ in range(20):
            target = routing.refresh_target(bucket, draw.getrandbits(300))
            assert len(target) == 32
            shared = shared_bits(to_int(target), to_int(own))
            assert shared == bucket if bucket < buckets - 1 else shared >= bucket
    with pytest.raises(IndexError):
        routing.refresh_target(buckets, 0)


def test_faults_of_the_settings_all_at_once() -> None:
    config = TableConfig(bucket_size=0, spares=-1, wider=(0,), diversity=DiversityLimits(bucket=5, table=2))
    assert [fault.partition(":")[0] for fault in config.faults()] == ["bucket_size", "spares", "wider", "diversity"]
    assert TableConfig().faults() == []
