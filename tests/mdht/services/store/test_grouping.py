"""When a batch begins: at once where a sync is quick, with those who come back where it is slow, and never late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mdht.services.store.grouping import SLOW_S, Grouping


def test_the_first_begins_at_once() -> None:
    assert Grouping().delay_s(5.0, 1) == 0.0


def test_a_quick_disk_waits_for_nobody() -> None:
    grouping = Grouping()
    grouping.synced(1.0, 1.0 + SLOW_S / 2, 60, 4)
    assert grouping.delay_s(1.0 + SLOW_S / 2, 4) == 0.0


def test_a_slow_disk_waits_for_who_was_answered() -> None:
    grouping = Grouping()
    grouping.synced(1.0, 1.016, 60, 4)
    assert 0 < grouping.delay_s(1.016, 4) <= 0.0021
    assert 0 < grouping.delay_s(1.0175, 30) <= 0.0021, "they keep coming"
    assert grouping.delay_s(1.018, 64) == 0.0, "all are there"


def test_it_stops_when_nobody_comes() -> None:
    grouping = Grouping()
    grouping.synced(1.0, 1.016, 60, 4)
    assert grouping.delay_s(1.016, 4) > 0
    assert grouping.delay_s(1.0181, 4) == 0.0


def test_one_of_several_stores_waits_for_its_share() -> None:
    grouping = Grouping(parts=4)
    grouping.synced(1.0, 1.016, 40, 4)
    assert grouping.delay_s(1.016, 13) > 0
    assert grouping.delay_s(1.017, 14) == 0.0


def test_who_is_alone_never_waits() -> None:
    grouping = Grouping()
    grouping.synced(1.0, 1.016, 1, 0)
    assert grouping.delay_s(1.0161, 1) == 0.0


@given(
    st.floats(1e-6, 100.0),
    st.integers(1, 256),
    st.integers(0, 256),
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 300)), max_size=30),
)
def test_nobody_waits_longer_than_half_a_sync(
    took_s: float, answered: int, waiting: int, parts: int, steps: list[tuple[float, int]]
) -> None:
    grouping, ended_s = Grouping(parts), 1_000.0
    grouping.synced(ended_s - took_s, ended_s, answered, waiting)
    now_s, there = ended_s, waiting
    for part, more in steps:
        delay_s = grouping.delay_s(now_s, there)
        assert delay_s >= 0.0
        assert now_s + delay_s <= ended_s + took_s / 2 + 1e-6
        if there >= answered + waiting:
            assert delay_s == 0.0
        now_s += delay_s * part
        there += more
    assert grouping.delay_s(ended_s + took_s / 2 + 1e-6, there) == 0.0
