"""Registered types, and values of every kind."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from ipc.refs import Copied, Shared
from ipc.sendable import sendable


@sendable("test.codec.leaf")
@dataclass(frozen=True, slots=True)
class Leaf:
    number: int
    text: str
    data: bytes = b""


@sendable("test.codec.node")
@dataclass(eq=True)
class Node:
    value: Any
    children: list[Any] = field(default_factory=list)


@sendable("test.codec.colour")
class Colour(enum.IntEnum):
    RED = 1
    BLUE = 2


@sendable("test.codec.box")
@dataclass(frozen=True)
class Box:
    content: Any


def same(left: Any, right: Any) -> bool:
    """Equal and of the same types throughout, dicts in the same order."""
    return form(left) == form(right)


def form(value: Any) -> str:
    """A text that two values have in common only if they are the same."""
    parts: Any = repr(value)
    if isinstance(value, (list, tuple)):
        parts = [form(item) for item in value]
    elif isinstance(value, dict):
        parts = [(form(key), form(item)) for key, item in value.items()]
    elif isinstance(value, (set, frozenset)):
        parts = sorted(form(item) for item in value)
    elif isinstance(value, (Shared, Copied)):
        parts = form(value.value)
    elif isinstance(value, Node):
        parts = [form(value.value), form(value.children)]
    return f"{type(value).__name__} {parts}"


zones = st.none() | st.builds(
    dt.timezone,
    st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)),
    st.just("name"),
) | st.builds(dt.timezone, st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)))  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
keys = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)  # the hash of a NaN is its address, so no two sets of them have one order
    | st.text()
    | st.binary()
    | st.characters(categories=["Cs"])
    | st.complex_numbers(allow_nan=False)
    | st.datetimes(timezones=zones)
    | st.dates()
    | st.timedeltas()
    | st.uuids()
    | st.decimals(allow_nan=False)
    | st.sampled_from(Colour)
    | st.integers(min_value=1 << 63, max_value=1 << 3000)
    | st.builds(Leaf, st.integers(), st.text(), st.binary()),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    keys | st.binary().map(bytearray) | st.decimals() | st.floats() | st.complex_numbers(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
        | st.builds(Node, inner, st.lists(inner, max_size=3))
        | st.builds(Copied, inner)
        | st.builds(lambda number, text: Shared(Leaf(number, text)), st.integers(), st.text())
    ),
    max_leaves=12,
)
