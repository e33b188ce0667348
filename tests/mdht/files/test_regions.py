"""From few lookups to the closest peers of any address: always the ones that a lookup would give."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.files import Regions
from mdht.files.regions import REGION_S, REGIONS

K = 20


@dataclass(frozen=True)
class Peer:
    id: bytes


def network(count: int, seed: int = 0) -> list[Peer]:
    random = Random(seed)
    return [Peer(random.randbytes(32)) for _ in range(count)]


def closest(peers: list[Peer], address: bytes, count: int) -> list[Peer]:
    goal = int.from_bytes(address, "big")
    return sorted(peers, key=lambda peer: int.from_bytes(peer.id, "big") ^ goal)[:count]


@pytest.mark.parametrize(("count", "most"), [(1, 1), (8, 1), (19, 1), (20, 8), (64, 20), (300, 90), (2000, 450)])
def test_few_lookups_for_many_addresses(count: int, most: int) -> None:
    peers = network(count)
    regions: Regions[Peer] = Regions(K)
    random = Random(1)
    lookups = 0
    for _ in range(3000):
        address = random.randbytes(32)
        found = regions.closest(address, 3, 0.0)
        if found is None:
            lookups += 1
            regions.learn(address, closest(peers, address, K), 0.0)
            found = regions.closest(address, 3, 0.0)
        if found is not None:
            assert found[:3] == closest(peers, address, 3)
    assert lookups <= most


@given(st.integers(1, 60), st.integers(0, 1000), st.integers(1, 8))
def test_never_a_wrong_answer(count: int, seed: int, wanted: int) -> None:
    peers = network(count, seed)
    regions: Regions[Peer] = Regions(K)
    random = Random(seed)
    for _ in range(20):
        target, address = random.randbytes(32), random.randbytes(32)
        regions.learn(target, closest(peers, target, K), 0.0)
        found = regions.closest(address, wanted, 0.0)
        if found is not None:
            assert found[:wanted] == closest(peers, address, wanted)


def test_what_is_known_gets_old() -> None:
    peers = network(5)
    regions: Regions[Peer] = Regions(K)
    regions.learn(bytes(32), peers, 10.0)
    assert regions.closest(bytes(32), 3, 10.0 + REGION_S - 1) is not None
    assert regions.closest(bytes(32), 3, 10.0 + REGION_S) is None
    assert len(regions) == 0


def test_a_small_network_is_known_as_a_whole() -> None:
    for count, whole in ((5, True), (19, True), (20, False), (50, False)):
        peers = network(count)
        regions: Regions[Peer] = Regions(K)
        regions.learn(bytes(32), closest(peers, bytes(32), K), 0.0)
        assert regions.is_whole(1.0) is whole
        assert not regions.is_whole(REGION_S)
        if whole:
            assert regions.closest(b"\xff" * 32, 100, 1.0) == closest(peers, b"\xff" * 32, 100)


def test_nothing_found_says_nothing() -> None:
    regions: Regions[Peer] = Regions(K)
    regions.learn(bytes(32), [], 0.0)
    assert regions.closest(bytes(32), 1, 0.0) is None


def test_it_is_bounded() -> None:
    regions: Regions[Peer] = Regions(2)
    for number in range(REGIONS + 100):
        target = number.to_bytes(2, "big") + bytes(30)
        regions.learn(target, [Peer(target), Peer(number.to_bytes(2, "big") + b"\x80" + bytes(29))], 0.0)
    assert len(regions) == REGIONS
    assert sum(regions._sizes.values()) == REGIONS
