"""Keys, and what they choose."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mdht.cli.top.keys import keys_of
from mdht.cli.top.state import Order, State, pressed, sorted_services

from .views import view


def test_keys() -> None:
    assert keys_of(b"q\x1b[A\x1bOB\x1b[5~\x1b[6~c") == ["q", "up", "down", "page up", "page down", "c"]
    assert keys_of(b"\x1b[1;5A\x1b\x1b[15~x") == ["x"], "what is not known is left out"


@given(st.binary(max_size=64))
def test_any_bytes(data: bytes) -> None:
    state = State()
    for key in keys_of(data):
        state = pressed(state, key, 5)
    assert state.offset >= 0


def test_what_keys_do() -> None:
    state = State()
    assert pressed(state, "q", 5).ended and pressed(state, "Q", 5).ended
    assert not pressed(state, "p", 5).processes
    assert pressed(pressed(state, "down", 5), "page down", 5).offset == 6
    assert pressed(pressed(state, "down", 5), "page up", 5).offset == 0
    assert pressed(State(offset=9), "home", 5).offset == 0
    assert pressed(State(offset=9), "m", 5) == State(order=Order.MEMORY), "from the top"
    assert pressed(state, "?", 5) == state


def test_orders() -> None:
    services = view().services
    assert sorted_services(services, Order.TREE) == list(services)
    assert [one.row.name for one in sorted_services(services, Order.NAME)][:2] == ["api", "door"]
    for order in (Order.CPU, Order.MEMORY, Order.CALLS, Order.WAIT):
        assert sorted_services(services, order)[0].row.name == "door"
