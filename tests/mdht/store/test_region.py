"""Ranges of distances as ranges of addresses."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.store import EVERYTHING, Region
from mdht.store.region import SPACE

addresses = st.binary(min_size=32, max_size=32)
distances = st.one_of(st.integers(0, SPACE), st.integers(0, 300), st.integers(0, 256).map(lambda bits: 1 << bits))


@given(addresses, distances, distances, addresses, st.integers(0, 300))
def test_an_address_is_in_a_range_if_its_distance_is(
    centre: bytes, one: int, other: int, somewhere: bytes, offset: int
) -> None:
    low, high = sorted((one, other))
    region = Region(centre, low, high)
    ranges = region.ranges
    for distance in (low, high - 1, high, low - 1, low + offset):
        if 0 <= distance < SPACE:
            somewhere = (int.from_bytes(centre, "big") ^ distance).to_bytes(32, "big")
        inside = any(first <= somewhere <= last for first, last in ranges)
        assert inside == (somewhere in region) == (low <= distance_of(somewhere, centre) < high)
    assert sum(int.from_bytes(last, "big") - int.from_bytes(first, "big") + 1 for first, last in ranges) == high - low
    assert all(before[1] < after[0] for before, after in pairwise(ranges))
    assert len(ranges) <= 512


def distance_of(one: bytes, other: bytes) -> int:
    return int.from_bytes(one, "big") ^ int.from_bytes(other, "big")


def test_everything_is_one_range() -> None:
    assert EVERYTHING.ranges == [(bytes(32), b"\xff" * 32)]
    assert bytes(32) in EVERYTHING


def test_sharing_bits() -> None:
    region = Region.sharing(b"\xab" + bytes(31), 4)
    assert region.ranges == [(b"\xa0" + bytes(31), b"\xaf" + b"\xff" * 31)]


def test_bounds() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Region(b"")
    with pytest.raises(ValueError, match="low <= high"):
        Region(bytes(32), 2, 1)
