"""The index by expiry, against a dictionary."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mdht.store import ExpiryIndex
from mdht.store.expiry import SLACK

slots = st.integers(0, 9).map(lambda number: bytes([number]))


@given(st.lists(st.tuples(st.sampled_from(["set", "discard", "due"]), slots, st.integers(0, 20)), max_size=400))
def test_as_a_dictionary(steps: list[tuple[str, bytes, int]]) -> None:
    index, model = ExpiryIndex(), dict[bytes, int]()
    for what, slot, number in steps:
        if what == "set":
            index.set(slot, number)
            model[slot] = number
        elif what == "discard":
            index.discard(slot)
            model.pop(slot, None)
        else:
            due = index.due(number, 3)
            expected = sorted((until_s, slot) for slot, until_s in model.items() if until_s <= number)[:3]
            assert due == [slot for _, slot in expected]
        assert len(index) == len(model)
        assert index.next_s() == min(model.values(), default=None)
        assert len(index._heap) <= 2 * len(model) + SLACK


def test_a_slot_set_back_to_an_earlier_time_is_named_once() -> None:
    index = ExpiryIndex()
    for until_s in (5, 9, 5):
        index.set(b"a", until_s)
    assert index.due(10, 5) == [b"a"]
    assert index.due(10, 5) == [b"a"], "it stays until it is discarded"
    index.discard(b"a")
    assert index.due(10, 5) == []
