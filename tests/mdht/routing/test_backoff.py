"""Waits grow, are bounded, and differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.routing.backoff import Backoff, fraction, jittered_s

FRACTIONS = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10_000), FRACTIONS)
def test_a_wait_is_within_its_bounds(failures: int, random: float) -> None:
    delay_s = Backoff(2.0, 300.0).delay_s(failures, random)
    longest_s = min(300.0, 2.0 * 2 ** min(failures - 1, 60))
    assert longest_s / 2 <= delay_s <= longest_s


@given(st.integers(1, 100), FRACTIONS)
def test_more_failures_never_wait_less(failures: int, random: float) -> None:
    backoff = Backoff(0.5, 60.0)
    assert backoff.delay_s(failures, random) <= backoff.delay_s(failures + 1, random)


@given(st.binary(min_size=6, max_size=6), st.floats(1, 1e6))
def test_jitter_stays_near_the_period(random: bytes, period_s: float) -> None:
    assert 0 <= fraction(random) < 1
    assert 0.9 * period_s * 0.999 <= jittered_s(period_s, fraction(random)) <= 1.1 * period_s * 1.001


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)])
def test_impossible_bounds(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="first_s"):
        Backoff(*bounds)
