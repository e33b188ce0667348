"""Percentiles of the last answers, and patience."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.routing import Latency
from mdht.routing.latency import ENOUGH, WINDOW


def test_patience_before_enough_is_known() -> None:
    latency = Latency(first_s=2.0)
    for _ in range(ENOUGH - 1):
        latency.observe(0.01)
    assert latency.patience_s() == latency.percentile(50) == 2.0
    latency.observe(0.01)
    assert latency.patience_s() == 0.02, "the floor"


def test_the_lesser_of_two_multiples() -> None:
    steady, mixed = Latency(), Latency()
    for at in range(40):
        steady.observe(0.1)
        mixed.observe(0.1 if at % 4 else 5.0)
    assert steady.patience_s() == pytest.approx(0.2), "twice p90"
    assert mixed.patience_s() == pytest.approx(0.4), "four times p50, for p90 is one of the slow"


@given(st.lists(st.floats(0, 10), max_size=3 * WINDOW))
def test_as_sorting_the_last(times: list[float]) -> None:
    latency = Latency(first_s=1.0)
    for took_s in times:
        latency.observe(took_s)
    last = sorted(times[-WINDOW:])
    stats = latency.stats()
    assert stats.answers == len(last)
    if len(last) >= ENOUGH:
        assert stats.p50_s == last[len(last) // 2]
        assert stats.p90_s == last[len(last) * 9 // 10]
