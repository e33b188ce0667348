"""The budget holds in all."""

import pytest

from mdht.tuning.gain import LEAST_PAIRS
from mdht.tuning.spending import FILL_SHARE, LOOKS, Spending, least_s, usual_turn_s


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_small_budgets_have_short_turns():
    assert usual_turn_s(10) == 0.2 and usual_turn_s(90) == 0.5 and usual_turn_s(3_600) == 1.0


def test_the_least_budget_has_one_comparison_and_its_check():
    assert least_s(1.0) == pytest.approx(LOOKS + 4 * LEAST_PAIRS + 4)
    assert least_s(0.2) < 12


def test_the_last_comparison_is_kept_time_for(clock):
    spending = Spending(60.0, 1.0, clock)
    spending.node_started(3.0)
    assert spending.has_comparison(2)
    one = spending.comparison_s()
    clock.now_s += 60.0 - 2 * one
    assert not spending.has_comparison(2)
    assert spending.has_comparison(2, first=True) and spending.has_check()
    assert not spending.has_pair(check=True) or spending.left_s > one + 2
    clock.now_s += one + 1
    assert not spending.has_check() and not spending.has_comparison(2, first=True)
    clock.now_s += 1_000
    assert spending.left_s == 0.0 and not spending.has_pair(check=False)


def test_what_things_cost_is_learnt(clock):
    spending = Spending(100.0, 0.5, clock)
    before = spending.comparison_s()
    spending.node_started(8.0)
    spending.node_ended(1.0)
    spending.turn_took(0.6)
    spending.turn_took(30.0)  # an accident
    assert before + 14 < spending.comparison_s() < before + 32
    assert spending.fill_s == pytest.approx(FILL_SHARE * 100)
    clock.now_s += 95
    assert spending.fill_s == pytest.approx(5.0)
    assert "8.0 s to start" in spending.costs
