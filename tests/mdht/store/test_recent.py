"""What was put of late is known; what was not, mostly not."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from mdht.store.recent import Recent


def slot(number: int) -> bytes:
    return sha256(b"%d" % number).digest()


@given(st.lists(st.integers(0, 1_000_000), max_size=50), st.floats(0, 49.9))
def test_for_half_a_period_in_any_case(numbers: list[int], later_s: float) -> None:
    recent = Recent(100.0, 0.0, salt=7)
    for number in numbers:
        recent.add(slot(number), 10.0)
    assert all(recent.has(slot(number), 10.0 + later_s) for number in numbers)


def test_never_longer_than_a_period() -> None:
    recent = Recent(100.0, 0.0)
    recent.add(slot(1), 49.0)
    assert recent.has(slot(1), 99.0)
    assert not recent.has(slot(1), 150.0)
    recent.add(slot(2), 150.0)
    assert not recent.has(slot(2), 1_000_000.0)


def test_few_are_wrong() -> None:
    recent = Recent(100.0, 0.0)
    for number in range(20_000):
        recent.add(slot(number), 1.0)
    wrong = sum(recent.has(slot(number), 1.0) for number in range(1_000_000, 1_020_000))
    assert wrong <= 20


def test_owners_of_one_name_are_told_apart() -> None:
    recent = Recent(100.0, 0.0)
    recent.add(slot(1) + slot(2), 1.0)
    assert recent.has(slot(1) + slot(2), 1.0)
    assert not recent.has(slot(1) + slot(3), 1.0)
