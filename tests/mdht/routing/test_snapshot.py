"""Snapshots: for readers elsewhere, and for the file."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.routing import BadSnapshot, Contact, RoutingTable, Snapshot

from .contacts import OWN, by_distance, contact, table


def filled() -> RoutingTable:
    routing = table(bucket_size=50)
    for number in range(30):
        routing.seen(contact(number, bits=number % 5, data=bytes([number]) * number), 10.0 + number)
    return routing


def test_the_same_object_until_something_changes() -> None:
    routing = filled()
    one = routing.snapshot()
    routing.seen(contact(3, bits=3, data=bytes([3]) * 3), 99.0)
    assert routing.snapshot() is one
    routing.failed(contact(3, bits=3).id, 99.0)
    assert routing.snapshot().version == one.version + 1
    assert len(one) == 30


def test_closest_elsewhere() -> None:
    routing = filled()
    there = pickle.loads(pickle.dumps(routing.snapshot()))
    everybody = [known.contact for known in routing]
    for target in (OWN, contact(7).id, b"\xff" * 32):
        assert there.closest(target, 8) == by_distance(everybody, target)[:8]
    routing.failed(everybody[0].id, 1.0)
    assert everybody[0] not in routing.snapshot().closest(everybody[0].id, 30)


def test_packed_and_back() -> None:
    routing = filled()
    routing.failed(contact(3, bits=3).id, 99.0)
    snapshot = routing.snapshot()
    assert Snapshot.from_bytes(snapshot.to_bytes()) == snapshot
    assert Snapshot.from_bytes(routing.save()) == snapshot


def test_loaded_contacts_are_asked_after_proven_ones() -> None:
    saved = Snapshot.from_bytes(filled().save())
    routing = table(own_id=contact(77).id, bucket_size=50)
    routing.seen(contact(40), 100.0)
    assert routing.restore(saved, 100.0) == 30
    assert routing.closest(contact(1).id, 1) == [contact(40)]
    known = routing.get(contact(2, bits=2).id)
    assert known is not None
    assert (known.first_seen_s, known.last_seen_s, known.failed) == (12.0, 12.0, 1)
    routing.seen(contact(5, data=bytes([5]) * 5), 101.0)
    assert routing.closest(contact(5).id, 1) == [contact(5, data=bytes([5]) * 5)]
    assert routing.restore(saved, 100.0) == 0


def test_a_time_in_the_future_is_not_believed() -> None:
    saved = filled().snapshot()
    routing = table(bucket_size=50)
    routing.restore(saved, 5.0)
    assert all(known.last_seen_s == known.first_seen_s == 5.0 for known in routing)


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(packed: bytes) -> None:
    with pytest.raises(BadSnapshot, match="not a saved routing table"):
        Snapshot.from_bytes(packed)


@given(st.data())
def test_cut_or_changed_bytes(data: st.DataObject) -> None:
    packed = filled().save()
    at = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(BadSnapshot):
        Snapshot.from_bytes(packed[:at])
    changed = bytearray(packed)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        Snapshot.from_bytes(bytes(changed))
    except BadSnapshot:
        pass


def test_order_and_form() -> None:
    snapshot = filled().snapshot()
    backwards = Snapshot(OWN, 1, snapshot.rows[::-1])
    with pytest.raises(BadSnapshot, match="order"):
        Snapshot.from_bytes(backwards.to_bytes())
    with pytest.raises(BadSnapshot, match="form 9"):
        Snapshot.from_bytes(b"\x09" + snapshot.to_bytes()[1:])
    with pytest.raises(BadSnapshot, match="follow"):
        Snapshot.from_bytes(snapshot.to_bytes() + b"x")
    assert Contact(OWN, "h", 1) == Contact(OWN, "h", 1)
