"""The bounds of a remote caller, as its exposure counts them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ipc.remote.credits import Credits


def test_what_was_given_back_can_be_taken_again() -> None:
    credits = Credits(4, 100)
    assert credits.take(3, 60)
    assert not credits.take(2, 10), "commands"
    assert not credits.take(1, 41), "bytes"
    assert credits.take(1, 40)
    assert credits.give(4) == (0, 0)
    assert credits.give(3) == (1, 0), "bytes come with the last command of a run"
    assert credits.give(1) == (2, 60)
    assert (credits.taken, credits.taken_bytes) == (1, 40)
    assert credits.take(3, 60)
    assert credits.give(0) == (4, 100)
    assert credits.give(0) == (0, 0)


def test_what_is_refused_is_not_counted() -> None:
    credits = Credits(1, 10)
    assert not credits.take(2, 1)
    assert not credits.has_bytes(11)
    assert credits.has_bytes(10)
    assert (credits.taken, credits.taken_bytes, credits.due(0)) == (0, 0, 0)


def test_more_outstanding_than_taken_gives_nothing() -> None:
    credits = Credits(10, 10)
    credits.take(1, 1)
    assert credits.give(5) == (0, 0)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9), st.integers(0, 20))))
def test_sums_are_right(steps: list[tuple[int, int, int]]) -> None:
    credits = Credits(20, 40)
    taken = taken_bytes = given_back = given_bytes = outstanding = 0
    for count, nbytes, served in steps:
        if credits.take(count, nbytes):
            taken, taken_bytes, outstanding = taken + count, taken_bytes + nbytes, outstanding + count
        outstanding = max(0, outstanding - served)
        back, back_bytes = credits.give(outstanding)
        given_back, given_bytes = given_back + back, given_bytes + back_bytes
        assert taken - given_back == outstanding == credits.taken <= 20
        assert taken_bytes - given_bytes == credits.taken_bytes <= 40
    credits.give(0)
    assert credits.taken == credits.taken_bytes == 0
