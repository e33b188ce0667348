"""Which part of a divided store keeps what."""

from __future__ import annotations

from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from ipc import Point
from ipc.channels.port import shard_of
from mdht.store import StoreLimits
from mdht.store.parts import (
    LEAST_BYTES,
    MOST_PARTS,
    first_address,
    last_address,
    part_of,
    part_path,
    part_paths,
    point_of,
    share_of,
)

counts = st.integers(1, MOST_PARTS)
addresses = st.binary(min_size=32, max_size=32)


@given(addresses, counts)
def test_each_address_is_in_exactly_one_part(address: bytes, parts: int) -> None:
    mine = part_of(address, parts)
    assert 0 <= mine < parts
    assert first_address(mine, parts) <= address <= last_address(mine, parts)
    assert [part for part in range(parts) if first_address(part, parts) <= address <= last_address(part, parts)] == [
        mine
    ]


@given(counts)
def test_parts_are_ranges_that_follow_each_other(parts: int) -> None:
    assert first_address(0, parts) == bytes(32)
    assert last_address(parts - 1, parts) == b"\xff" * 32
    sizes = []
    for part in range(parts):
        first, last = first_address(part, parts), last_address(part, parts)
        assert part_of(first, parts) == part_of(last, parts) == part
        sizes.append(int.from_bytes(last[:4], "big") - int.from_bytes(first[:4], "big"))
        if part:
            assert int.from_bytes(first, "big") == int.from_bytes(last_address(part - 1, parts), "big") + 1
    assert max(sizes) - min(sizes) <= 1


@given(addresses, counts)
def test_commands_go_to_the_part_of_their_address(address: bytes, parts: int) -> None:
    assert shard_of(Point(point_of(address)), parts) == part_of(address, parts)


def test_paths() -> None:
    assert part_paths("/d/store", 1) == ["/d/store"]
    assert part_paths("/d/store", 2) == ["/d/store.0-of-2", "/d/store.1-of-2"]
    assert part_path("/d/store", 3, 4) == "/d/store.3-of-4"


@given(counts)
def test_shares_are_divided_alike(parts: int) -> None:
    whole = StoreLimits()
    share = share_of(whole, parts)
    assert not share.faults()
    for name, value in asdict(whole).items():
        divided = name.endswith("_bytes")
        assert getattr(share, name) == (max(LEAST_BYTES, value // parts) if divided and parts > 1 else value)
