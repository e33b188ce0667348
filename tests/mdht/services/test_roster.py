"""Whom a node knows: the closest, whether that is everybody around a target, and who was overlooked by a put."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.limits import MARK_BYTES
from mdht.services.roster import Roster, marks_of, nearer_than_chosen, new_handle

IDS = st.binary(min_size=32, max_size=32)


def distance(one: bytes, other: bytes) -> int:
    return int.from_bytes(one, "big") ^ int.from_bytes(other, "big")


def roster(ids: list[bytes]) -> Roster:
    return Roster.of((one, b"record of " + one) for one in ids)


def many(count: int, seed: int = 1) -> list[bytes]:
    draw = random.Random(seed)
    return [draw.randbytes(32) for _ in range(count)]


@given(st.lists(IDS, unique=True, max_size=40), IDS, st.integers(0, 20))
def test_closest(ids: list[bytes], target: bytes, count: int) -> None:
    found = roster(ids).closest(target, count)
    assert [known.id for known in found] == sorted(ids, key=lambda one: distance(one, target))[:count]
    assert all(known.record == b"record of " + known.id for known in found)


@pytest.mark.parametrize("size", [8, 40, 200])
@given(seed=st.integers(0, 1000), count=st.integers(1, 8), data=st.data())
def test_who_was_overlooked(size: int, seed: int, count: int, data: st.DataObject) -> None:
    ids, target = many(size, seed), many(1, seed + 5000)[0]
    near = sorted(ids, key=lambda one: distance(one, target))
    chosen = data.draw(st.lists(st.sampled_from(near[: 2 * count]), min_size=count, max_size=count, unique=True))
    asker = data.draw(st.sampled_from(near[: count + 1]))
    got = nearer_than_chosen(roster(ids), target, marks_of(chosen), asker)
    farthest = max(distance(one, target) for one in chosen)
    right = [one for one in near if one not in chosen and one != asker and distance(one, target) < farthest]
    if size > 64:  # only the nearest are looked at
        right = [one for one in right if one in near[:count]]
    assert got == tuple(b"record of " + one for one in right[:count])


def test_marks() -> None:
    ids = many(3)
    assert marks_of(ids) == b"".join(one[:MARK_BYTES] for one in ids)


@given(st.binary(max_size=160))
def test_any_bytes_may_be_marks(chosen: bytes) -> None:
    ids = many(20)
    got = nearer_than_chosen(roster(ids), ids[0], chosen, b"")
    assert len(got) <= len(chosen) // MARK_BYTES


def test_covers_what_is_known() -> None:
    everybody = many(400)
    own, known = everybody[0], roster(everybody[1:])
    targets = many(50, seed=2)
    assert all(known.covers(own, target, 8) for target in targets), "of a network that it knows whole"
    half = [one for one in everybody[1:] if distance(one, own) >> 255 == 0]
    here = roster(half + everybody[-2:])
    there = [target for target in targets if distance(target, own) >> 255]
    assert not any(here.covers(own, target, 8) for target in there), "two of two hundred are known there"
    assert not roster(many(7)).covers(own, targets[0], 8)


def test_handles_of_nodes_of_one_process_differ() -> None:
    one, other = new_handle(), new_handle()
    one.publish(roster(many(2)))
    assert (len(one.value), len(other.value)) == (2, 0)
