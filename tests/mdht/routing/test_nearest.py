"""The nearest ids of a sorted list, against sorting all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.routing import Nearest, nearest
from mdht.routing.nearest import LEAF, nearest_first

wide = st.integers(0, (1 << 256) - 1)
narrow = st.integers(0, 300)
ids = st.lists(wide | narrow, unique=True, max_size=200).map(sorted)


@given(ids, wide | narrow, st.integers(0, 40))
def test_as_sorting_all(numbers: list[int], target: int, count: int) -> None:
    assert nearest(numbers, target, count) == sorted(numbers, key=lambda number: number ^ target)[:count]


@given(ids, wide)
def test_chunks_are_distances_in_order(numbers: list[int], target: int) -> None:
    chunks = list(nearest_first(numbers, target))
    assert [one for chunk in chunks for one in chunk] == sorted(number ^ target for number in numbers)
    assert all(0 < len(chunk) <= LEAF for chunk in chunks)


@given(st.lists(st.tuples(st.booleans(), narrow)))
def test_set(steps: list[tuple[bool, int]]) -> None:
    have, model = Nearest(), set[int]()
    for add, number in steps:
        if add and number not in model:
            have.add(number)
            model.add(number)
        elif not add and number in model:
            have.remove(number)
            model.discard(number)
    assert have.ids == sorted(model)
    assert len(have) == len(model)
    assert have.nearest(7, 3) == sorted(model, key=lambda one: one ^ 7)[:3]


def test_remove_what_is_not_there() -> None:
    have = Nearest([1, 5, 5])
    for number in (0, 3, 9):
        with pytest.raises(KeyError):
            have.remove(number)
    assert have.ids == [1, 5]
