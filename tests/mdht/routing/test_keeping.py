"""Which links stay."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from mdht.routing.keeping import Keeping, Use

OWN = bytes(32)


def peer(number: int) -> bytes:
    return sha256(b"%d" % number).digest()


def links(count: int, used_s: float = 0.0) -> list[Use]:
    return [Use(peer(number), used_s) for number in range(count)]


def near(uses: list[Use], count: int) -> set[bytes]:
    return {use.peer for use in sorted(uses, key=lambda use: use.peer)[:count]}


def test_below_the_soft_limit_nobody_goes() -> None:
    keeping = Keeping(most=1_000, soft=50)
    assert keeping.idle(OWN, links(50), 1e6) == []


def test_idle_ones_go_until_enough_are_left_and_the_nearest_never() -> None:
    keeping = Keeping(most=1_000, soft=50)
    uses = links(80)
    gone = keeping.idle(OWN, uses, 1e6)
    assert len(gone) == 30
    assert not near(uses, keeping.siblings) & set(gone)


def test_used_ones_stay() -> None:
    keeping = Keeping(most=1_000, soft=50)
    uses = links(80)
    busy = [Use(use.peer, 990.0) for use in uses[:60]] + uses[60:]
    assert not {use.peer for use in busy[:60]} & set(keeping.idle(OWN, busy, 1_000.0))


def test_some_of_each_distance_stay() -> None:
    keeping = Keeping(most=1_000, soft=10, siblings=4, spread=2)
    far = [Use(bytes([0x80 | number]) + peer(number)[1:], 0.0) for number in range(20)]
    middle = [Use(bytes([0x40 | number]) + peer(number)[1:], 0.0) for number in range(20)]
    kept = keeping.kept(OWN, far + middle)
    assert sum(use.peer in kept for use in far) == 2
    assert sum(use.peer in kept for use in middle) == 6


def test_at_the_cap_the_least_used_gives_way() -> None:
    keeping = Keeping(most=10)
    uses = [Use(peer(number), float(number)) for number in range(10)]
    victim = keeping.gives_way(OWN, uses, peer(99), 1_000.0)
    kept = keeping.kept(OWN, [*uses, Use(peer(99), 1_000.0)])
    assert victim == min((use for use in uses if use.peer not in kept), key=lambda use: use.used_s).peer
    assert victim not in near(uses, 5)


def test_where_all_are_in_use_the_newcomer_is_refused() -> None:
    assert Keeping(most=10).gives_way(OWN, links(10, used_s=990.0), peer(99), 1_000.0) is None


@given(st.integers(1, 60), st.integers(1, 100), st.lists(st.floats(0, 2_000), max_size=60))
def test_always_room_for_newcomers_and_never_below_what_is_wanted(most: int, soft: int, used: list[float]) -> None:
    keeping = Keeping(most=most, soft=soft)
    uses = [Use(peer(number), used_s) for number, used_s in enumerate(used[:most])]
    assert len(keeping.kept(OWN, uses)) <= max(1, most // 2)
    gone = keeping.idle(OWN, uses, 2_000.0)
    assert len(set(gone)) == len(gone) <= max(0, len(uses) - keeping.wanted)
    assert 1 <= keeping.wanted <= most
