"""Whom to dial, and when again."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mdht.routing.bootstrap import AT_ONCE, ENOUGH, SEED_AGAIN_S, SEED_BACKOFF, Bootstrap


def nobody(entry: str) -> bool:
    return False


def names(found: list[tuple[int, str]]) -> list[str]:
    return [entry for _, entry in found]


def test_all_seeds_at_once_and_some_of_memory() -> None:
    plan = Bootstrap(["a", "b"], [f"m{number}" for number in range(20)], 0.0)
    assert names(plan.due(0.0, 0, nobody)) == ["a", "b", *(f"m{number}" for number in range(AT_ONCE))]
    assert plan.due(0.0, 0, nobody) == []
    assert plan.dialling == 2 + AT_ONCE


def test_a_seed_that_fails_is_never_given_up() -> None:
    plan = Bootstrap(["a"], [], 0.0)
    now_s, pauses = 0.0, []
    for _ in range(60):
        [(number, _)] = plan.due(now_s, 3, nobody)
        plan.ended(number, False, now_s, 0.999)
        next_s = plan.next_s()
        assert next_s is not None
        pauses.append(next_s - now_s)
        assert plan.due(next_s - 0.1, 3, nobody) == []
        now_s = next_s
    assert all(late_s >= early_s - 1e-6 for early_s, late_s in pairwise(pauses))
    assert pauses[0] < SEED_BACKOFF.first_s * 1.01
    assert SEED_BACKOFF.most_s * 0.99 < pauses[-1] <= SEED_BACKOFF.most_s


def test_a_seed_that_was_linked_is_looked_for_seldom() -> None:
    plan = Bootstrap(["a"], [], 0.0)
    [(number, _)] = plan.due(0.0, 0, nobody)
    plan.ended(number, True, 1.0, 0.5)
    assert plan.due(100.0, 5, nobody) == []
    assert names(plan.due(SEED_AGAIN_S + 2, 5, nobody)) == ["a"]


def test_but_at_once_when_nobody_is_left() -> None:
    plan = Bootstrap(["a"], [], 0.0)
    [(number, _)] = plan.due(0.0, 0, nobody)
    plan.ended(number, True, 1.0, 0.5)
    assert names(plan.due(2.0, 0, nobody)) == ["a"]


def test_one_that_is_linked_is_not_dialled() -> None:
    plan = Bootstrap(["a"], ["b"], 0.0)
    assert plan.due(0.0, 2, lambda entry: True) == []


def test_memory_is_gone_through_in_order_until_there_are_enough() -> None:
    plan = Bootstrap[str]([], [f"m{number}" for number in range(20)], 0.0)
    first = plan.due(0.0, 0, nobody)
    for number, _ in first[:4]:
        plan.ended(number, False, 1.0, 0.5)
    assert names(plan.due(1.0, 2, nobody)) == ["m8", "m9", "m10", "m11"]
    for number, _ in first[4:]:
        plan.ended(number, True, 1.0, 0.5)
    assert plan.due(2.0, ENOUGH, nobody) == []


def test_and_again_when_all_failed() -> None:
    plan = Bootstrap[str]([], ["m0", "m1"], 0.0)
    for number, _ in plan.due(0.0, 0, nobody):
        plan.ended(number, False, 1.0, 0.5)
    assert plan.due(2.0, 1, nobody) == []
    assert names(plan.due(3.0, 0, nobody)) == ["m0", "m1"]


@given(st.lists(st.tuples(st.floats(0, 400), st.booleans(), st.integers(0, 10)), max_size=60))
def test_nobody_is_dialled_twice_at_a_time(steps: list[tuple[float, bool, int]]) -> None:
    plan = Bootstrap(["a", "b", "c"], [f"m{number}" for number in range(12)], 0.0)
    dialling: list[tuple[int, str]] = []
    now_s = 0.0
    for pause_s, linked, count in steps:
        now_s += pause_s
        dialling += plan.due(now_s, count, nobody)
        assert len(set(dialling)) == len(dialling) == plan.dialling
        if dialling:
            plan.ended(dialling.pop(0)[0], linked, now_s, 0.5)
