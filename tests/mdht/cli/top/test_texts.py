"""Short numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.cli.top.texts import clean, cut, number, percent, rate, seconds, size, uptime


def test_texts() -> None:
    assert [size(one) for one in (0, 999, 1 << 20, 412 << 20, 1536 << 20)] == ["0B", "999B", "1.0M", "412M", "1.5G"]
    assert [percent(one) for one in (None, 0.0, 3.14, 153.2)] == ["", "0.0", "3.1", "153"]
    assert [rate(one) for one in (None, 0, 0.44, 12, 1234, 123_456, 4.5e6)] == [
        "", "0", "0.4", "12", "1,234", "123k", "4.5M",
    ]  # fmt: skip
    assert [seconds(one) for one in (0, 12e-6, 0.003, 1.2, 300, 10_800)] == ["-", "12µs", "3ms", "1.2s", "5m", "3h"]
    assert [uptime(one) for one in (7, 10_931, 356_400)] == ["0:00:07", "3:02:11", "4d 3h"]
    assert clean("a\x1b[31m\nb世e\u0301") == "a?[31m b?e?"
    assert [cut("abcdef", one) for one in (0, 1, 3, 6)] == ["", "…", "ab…", "abcdef"]


@given(st.integers(0, 10**18))
def test_widths_are_bounded(value: int) -> None:
    assert len(number(value)) <= 9 and len(size(value)) <= 6 and len(rate(float(value))) <= 9


@pytest.mark.parametrize("value", [999, 1000, 1023, 1024, 999_499, 999_500, 1_048_575, 999_499_999, 999_500_000])
def test_at_the_edges(value: int) -> None:
    assert len(size(value)) <= 5 and len(number(value)) <= 6
