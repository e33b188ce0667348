"""What the person at the keyboard has chosen. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from .look import ProcessView, ServiceView


class Order(enum.Enum):
    """By what rows are sorted, under the key that chooses it."""

    TREE = "o"
    """As the node starts them."""
    CPU = "c"
    MEMORY = "m"
    NAME = "n"
    CALLS = "s"
    WAIT = "w"


NAMES: Final = {
    Order.CPU: "CPU",
    Order.MEMORY: "mem",
    Order.NAME: "name",
    Order.CALLS: "calls",
    Order.WAIT: "wait",
    Order.TREE: "start",
}
"""As the footer calls them."""


@dataclass(frozen=True, slots=True)
class State:
    """`offset`: rows that are scrolled away above."""

    order: Order = Order.TREE
    processes: bool = True
    offset: int = 0
    ended: bool = False


def pressed(state: State, key: str, page: int) -> State:
    """After a key: a character, or the name of a special one (see `keys`); `page`: rows that the screen shows.

    The offset may be beyond the end then; who draws knows where that is.
    """
    low = key.lower() if len(key) == 1 else key
    if low == "q":
        return replace(state, ended=True)
    if low == "p":
        return replace(state, processes=not state.processes, offset=0)
    if low in {one.value for one in Order}:
        return replace(state, order=Order(low), offset=0)
    steps = {"up": -1, "down": 1, "k": -1, "j": 1, "page up": -page, "page down": page, " ": page}
    if low in steps:
        return replace(state, offset=max(0, state.offset + steps[low]))
    if low in ("home", "g"):
        return replace(state, offset=0)
    if low == "end":
        return replace(state, offset=1 << 30)
    return state


def sorted_services(services: tuple[ServiceView, ...], order: Order) -> list[ServiceView]:
    """Greatest first, names in the order of letters; equal ones as they were."""
    keys: dict[Order, Callable[[ServiceView], float]] = {
        Order.CPU: lambda one: -(one.cpu_percent or 0.0),
        Order.MEMORY: lambda one: -one.row.rss_bytes,
        Order.CALLS: lambda one: -(one.calls_s or 0.0),
        Order.WAIT: lambda one: -one.row.oldest_wait_s,
    }
    if order is Order.NAME:
        return sorted(services, key=lambda one: one.row.name)
    return sorted(services, key=keys[order]) if order in keys else list(services)


def sorted_processes(processes: tuple[ProcessView, ...], order: Order) -> list[ProcessView]:
    """By CPU or memory; else as they were, the node's own first."""
    if order is Order.CPU:
        return sorted(processes, key=lambda one: -(one.cpu_percent or 0.0))
    if order is Order.MEMORY:
        return sorted(processes, key=lambda one: -one.process.rss_bytes)
    return list(processes)
