"""A pace is kept however the work comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.routing.pace import Pace


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=60), st.floats(1, 500), st.floats(1_000, 1e6))
def test_never_faster_than_either_bound(sizes: list[int], items_s: float, bytes_s: float) -> None:
    pace, now_s = Pace(items_s, bytes_s), 10.0
    for size in sizes:
        now_s += pace.wait_s(now_s)
        pace.spend(size, now_s)
    took_s = now_s + pace.wait_s(now_s) - 10.0
    assert took_s >= len(sizes) / items_s * 0.999
    assert took_s >= sum(sizes) / bytes_s * 0.999


def test_idle_time_is_not_saved_up() -> None:
    pace = Pace(10.0, 1e6)
    assert pace.wait_s(1_000.0) == 0.0
    pace.spend(1, 1_000.0)
    assert pace.wait_s(1_000.0) == pytest.approx(0.1)


def test_impossible() -> None:
    with pytest.raises(ValueError, match="pace"):
        Pace(0.0, 1.0)
