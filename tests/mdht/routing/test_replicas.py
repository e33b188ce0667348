"""Who holds a record, against the plain definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mdht.routing.replicas import closest_ids, hands_over, heir, holds, shared_region_bits
from mdht.store.region import Region

IDS = st.binary(min_size=32, max_size=32)
MANY = st.lists(IDS, min_size=1, max_size=40, unique=True)


def by_distance(address: bytes, ids: list[bytes]) -> list[bytes]:
    return sorted(ids, key=lambda one: int.from_bytes(one, "big") ^ int.from_bytes(address, "big"))


@given(IDS, MANY, st.integers(1, 10))
def test_the_closest(address: bytes, ids: list[bytes], count: int) -> None:
    assert closest_ids(address, ids, count) == by_distance(address, ids)[:count]


@given(IDS, MANY, st.integers(1, 10))
def test_exactly_the_closest_hold_it(address: bytes, ids: list[bytes], replicas: int) -> None:
    closest = by_distance(address, ids)[:replicas]
    for one in ids:
        assert holds(address, one, [other for other in ids if other != one], replicas) == (one in closest)


@given(IDS, st.lists(IDS, min_size=2, max_size=40, unique=True), st.integers(1, 10), st.integers(1, 3))
def test_a_few_hand_over_what_is_the_newcomers(address: bytes, ids: list[bytes], replicas: int, givers: int) -> None:
    newcomer, *old = ids
    wanted = newcomer in by_distance(address, ids)[:replicas]
    giving = [one for one in old if hands_over(address, one, newcomer, [x for x in ids if x != one], replicas, givers)]
    assert set(giving) == (set(by_distance(address, old)[:givers]) if wanted else set())


@given(IDS, st.lists(IDS, min_size=2, max_size=40, unique=True), st.integers(1, 10), st.integers(1, 3))
def test_what_one_held_that_is_gone_goes_to_the_next(
    address: bytes, ids: list[bytes], replicas: int, givers: int
) -> None:
    gone, *left = ids
    before, after = by_distance(address, ids)[:replicas], by_distance(address, left)[:replicas]
    new = [one for one in after if one not in before]
    assert len(new) <= 1
    found = {one: heir(address, one, gone, [x for x in ids if x != one], replicas, givers) for one in left}
    for one, given_to in found.items():
        is_giver = one in after[:givers] and gone in before and len(after) == replicas
        assert given_to == (new[0] if is_giver and new and new[0] != one else None)


@given(IDS, IDS, MANY, st.integers(1, 8))
def test_nothing_of_the_newcomers_lies_outside_its_region(
    address: bytes, newcomer: bytes, ids: list[bytes], replicas: int
) -> None:
    others = [one for one in ids if one != newcomer]
    bits = shared_region_bits(newcomer, others, replicas)
    if holds(address, newcomer, others, replicas):
        assert address in Region.sharing(newcomer, bits)


def test_a_region_shrinks_with_the_network() -> None:
    ids = [bytes([number]) + bytes(31) for number in range(256)]
    assert shared_region_bits(ids[7], [one for one in ids if one != ids[7]], 8) == 5
    assert shared_region_bits(ids[7], ids[:3], 8) == 0
