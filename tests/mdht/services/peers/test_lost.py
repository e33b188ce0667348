"""Contacts that are tried again: later each time, few at a time, no more than may be."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mdht.services.peers.lost import AT_ONCE, BACKOFF, LOST, LostPeers


def peer(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_later_each_time_until_it_is_back() -> None:
    lost, now_s, pauses = LostPeers(), 0.0, []
    for _ in range(10):
        lost.add(peer(1), now_s, 0.999)
        next_s = lost.next_s()
        assert next_s is not None
        assert lost.due(next_s - 0.1) == []
        assert lost.due(next_s) == [peer(1)]
        pauses.append(next_s - now_s)
        now_s = next_s
    assert all(late_s > early_s * 1.5 for early_s, late_s in pairwise(pauses[:6]))
    assert pauses[-1] <= BACKOFF.most_s + 1e-6
    lost.discard(peer(1))
    assert lost.next_s() is None


def test_one_that_is_being_dialled_is_not_due() -> None:
    lost = LostPeers()
    lost.add(peer(1), 0.0, 0.5)
    assert lost.due(100.0) == [peer(1)]
    assert lost.due(101.0) == []


@given(st.integers(0, 2 * LOST))
def test_bounded(count: int) -> None:
    lost = LostPeers()
    for number in range(count):
        lost.add(peer(number), 0.0, 0.5)
    assert len(lost) == min(count, LOST)
    assert len(lost.due(1e6)) == min(count, AT_ONCE)
