"""Values of types that are not registered here."""

from __future__ import annotations

from typing import Any

import pytest

from ipc.codec import Unknown, dumps, find_unknown, loads, loads_marked
from ipc.errors import BadFrame
from ipc.refs import Copied, Shared
from ipc.sendable import BY_NAME

from .samples import Colour, Leaf, Node


def test_unknown_types_are_marked() -> None:
    data = dumps([1, Leaf(1, "a"), (Node([Leaf(2, "b")]), {3: {Leaf(3, "c")}}), Shared(Leaf(4, "d")), Colour.RED])
    entry = BY_NAME.pop("test.codec.leaf")
    try:
        with pytest.raises(BadFrame, match=r"test\.codec\.leaf.*import the module"):
            loads(data)
        value, unknown = loads_marked(data)
    finally:
        BY_NAME["test.codec.leaf"] = entry
    mark = Unknown("test.codec.leaf")
    assert unknown == {"test.codec.leaf"}
    assert value == [1, mark, (mark, {3: {mark}}), mark, Colour.RED]
    assert find_unknown(value) == "test.codec.leaf"


def test_find_unknown_looks_through_containers() -> None:
    mark = Unknown("x")
    marked: list[Any] = [
        mark,
        [[mark]],
        (1, (mark,)),
        {mark: 1},
        {1: [mark]},
        {mark},
        frozenset({mark}),
        Copied([mark]),
    ]
    assert [find_unknown(value) for value in marked] == ["x"] * len(marked)
    known: list[Any] = [1, [], [1, (2,)], {"x": "x"}]
    assert [find_unknown(value) for value in known] == [None] * len(known)
