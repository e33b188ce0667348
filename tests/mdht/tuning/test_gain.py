"""Gains and noise."""

import math
import random

import pytest

from mdht.tuning.gain import LEAST_PAIRS, gain_of, rank_cut, walsh_averages


def test_too_few_pairs_tell_nothing():
    gain = gain_of([(1.0, 2.0)] * (LEAST_PAIRS - 1))
    assert gain.ratio == pytest.approx(2.0)
    assert (gain.low, gain.high) == (0.0, math.inf)
    assert not gain.better and not gain.settled


def test_five_pairs_on_one_side_are_a_gain():
    gain = gain_of([(100, 110), (90, 101), (120, 130), (80, 90), (100, 112)])
    assert gain.better and gain.settled
    assert 1.08 < gain.low <= gain.ratio <= gain.high < 1.13


def test_less_is_better_of_times():
    gain = gain_of([(10, 5)] * 5, less=True)
    assert gain.ratio == pytest.approx(2.0) and gain.better


def test_a_small_gain_is_not_worth_it():
    gain = gain_of([(1000, 1010 + at) for at in range(6)])
    assert gain.low > 1.0
    assert not gain.better and gain.settled


def test_one_wild_turn_moves_little():
    calm = [(100, 110)] * 9
    assert gain_of([*calm, (100, 10_000)]).ratio == pytest.approx(1.1, rel=0.01)


def test_a_machine_that_slows_down_does_not_matter():
    assert gain_of([(speed, speed * 1.2) for speed in (100, 50, 25, 12, 6)]).better


def test_noise_is_seldom_taken_for_a_gain():
    dice = random.Random(7)
    rounds = [
        gain_of([(dice.lognormvariate(0, 0.3), dice.lognormvariate(0, 0.3)) for _ in range(8)]) for _ in range(400)
    ]
    assert sum(one.better for one in rounds) < 400 * 0.09  # one side of 90 %, and some room


def test_the_cut_is_that_of_the_tables():
    # Wilcoxon's tables, two-sided 0.10: n = 5 → 0, 6 → 2, 8 → 5, 10 → 10, 20 → 60
    assert [rank_cut(count, 0.9) for count in (4, 5, 6, 8, 10, 20)] == [None, 0, 2, 5, 10, 60]


def test_walsh_averages_are_of_all_pairs():
    assert walsh_averages([1.0, 3.0]) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("pairs", [[], [(0.0, 1.0)], [(1.0, 0.0)]])
def test_what_is_no_number_above_0_is_refused(pairs):
    with pytest.raises(ValueError, match="above 0"):
        gain_of(pairs)
