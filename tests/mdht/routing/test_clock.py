"""What peers may do to our clock."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.limits import CLOCK_OFFSET_MAX_S
from mdht.routing.clock import CLOCK_PEERS, CLOCK_VOTES, VOTE_S, ClockVotes

WALL_S = 1_800_000_000.0


def peer(number: int) -> bytes:
    return sha256(b"%d" % number).digest()


def votes_of(offsets: list[float], host: str = "192.0.{}.1") -> ClockVotes:
    votes = ClockVotes()
    for number, offset_s in enumerate(offsets):
        votes.vote(peer(number), host.format(number), offset_s, 0.0, WALL_S)
    return votes


def test_too_few_change_nothing() -> None:
    assert votes_of([3_600.0] * (CLOCK_VOTES - 1)).offset_s(0.0, WALL_S) == 0.0
    assert votes_of([3_600.0] * CLOCK_VOTES).offset_s(0.0, WALL_S) == 3_600.0


def test_small_differences_are_no_wrong_clock() -> None:
    assert votes_of([0.5, -1.0, 1.5, 0.2, 1.9]).offset_s(0.0, WALL_S) == 0.0


def test_one_vote_a_peer() -> None:
    votes = votes_of([0.0] * 5)
    for _ in range(100):
        votes.vote(peer(0), "192.0.0.1", 5_000.0, 0.0, WALL_S)
    assert len(votes) == 5
    assert votes.offset_s(0.0, WALL_S) == 0.0


def test_a_subnet_has_one_vote() -> None:
    votes = votes_of([0.0] * 5)
    for number in range(100, 180):
        votes.vote(peer(number), f"198.51.100.{number}", 5_000.0, 0.0, WALL_S)
    assert votes.offset_s(0.0, WALL_S) == 0.0


def test_the_own_network_is_counted_one_by_one() -> None:
    assert votes_of([100.0] * 5, "127.0.0.1").offset_s(0.0, WALL_S) == 100.0
    assert votes_of([100.0] * 5, "10.0.0.{}").offset_s(0.0, WALL_S) == 100.0


@given(st.lists(st.floats(-1.0, 1.0), min_size=5, max_size=20), st.lists(st.floats(-1e9, 1e9), max_size=4))
def test_a_minority_of_liars_moves_nothing(honest: list[float], lies: list[float]) -> None:
    assert abs(votes_of(honest + lies).measured_s(0.0, WALL_S) or 0.0) <= 1.001


@given(st.lists(st.floats(-1e12, 1e12), max_size=50))
def test_no_majority_moves_it_beyond_the_bound(offsets: list[float]) -> None:
    assert abs(votes_of(offsets).offset_s(0.0, WALL_S)) <= CLOCK_OFFSET_MAX_S


def test_a_step_of_the_own_clock_takes_effect_at_once() -> None:
    votes = votes_of([3_600.0] * 5)
    assert votes.offset_s(100.0, WALL_S + 100.0) == 3_600.0
    assert votes.offset_s(200.0, WALL_S + 200.0 + 3_600.0) == 0.0  # somebody has set the clock


def test_old_votes_do_not_count() -> None:
    votes = votes_of([3_600.0] * 5)
    assert votes.measured_s(VOTE_S + 1, WALL_S + VOTE_S + 1) is None


def test_it_is_bounded() -> None:
    votes = votes_of([1.0] * (3 * CLOCK_PEERS), "host{}")
    assert len(votes) == CLOCK_PEERS


def test_the_median_is_of_subnets() -> None:
    votes = votes_of([10.0, 20.0, 30.0, 40.0, 50.0])
    assert votes.measured_s(0.0, WALL_S) == pytest.approx(30.0)
