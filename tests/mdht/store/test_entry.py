"""The binary form of an entry."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.errors import Malformed
from mdht.store import Held, Putter, slot_of
from mdht.store.entry import NOBODY, decode

from .making import NOW_S, OWNERS, content, named, owned

helds = st.builds(
    Held,
    st.binary(min_size=1, max_size=300),
    st.integers(0, (1 << 63) - 1),
    st.integers(0, (1 << 63) - 1),
    st.binary(min_size=32, max_size=32),
    st.text(st.characters(codec="utf-8"), max_size=60),
)


@given(helds)
def test_there_and_back(held: Held) -> None:
    assert decode(held.encode()) == held
    assert decode(memoryview(held.encode())) == held


@given(helds, st.data())
def test_cut_or_changed(held: Held, data: st.DataObject) -> None:
    form = held.encode()
    cut = data.draw(st.integers(0, len(form) - len(held.packed)))
    with pytest.raises(Malformed):
        decode(form[:cut])
    with pytest.raises(Malformed, match="form is 2"):
        decode(b"\x02" + form[1:])


def test_the_form_stays_as_it_is() -> None:
    held = Held(content(b"hi").pack(), int(NOW_S), int(NOW_S) * 1000, b"p" * 32, "10.0.0.0/24")
    assert held.encode().hex() == (
        "01"
        + f"{int(NOW_S) * 1000:016x}"
        + f"{int(NOW_S):016x}"
        + "70" * 32
        + "0b"
        + b"10.0.0.0/24".hex()
        + "01"
        + "6869"
    )
    assert held.record == content(b"hi")


def test_slots() -> None:
    assert slot_of(content(b"x")) == content(b"x").address
    assert slot_of(owned()) == owned().address
    assert slot_of(named(owner=3)) == named().address + OWNERS[3]


def test_putters_are_bounded() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Putter(b"short")
    with pytest.raises(ValueError, match="255"):
        Putter(NOBODY, "x" * 256)


def test_the_garbage_collector_does_not_visit_it() -> None:
    assert not gc.is_tracked(Held(b"record", NOW_S, 1, NOBODY, "10.0.0"))
