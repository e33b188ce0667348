"""How deep a value is nested: counted with a list of what is open, never by recursion.

`check_depth` is on the path of every frame. It looks at each item once, and at a long list of bytes or of text without
a call for each item: `b"".startswith(items)` is false at once for every item that is not empty, and raises TypeError
at the first that is no buffer, so false means that no item is a container. (A registered class with a buffer of its own
would pass for bytes there; what it holds is then not counted.)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ..errors import BadFrame
from ..interned import Interned
from ..limits import NEST_DEPTH
from ..refs import Copied, Shared
from ..sendable import BY_TYPE
from .types import LONG, SCALARS, all_scalars
from .unknown import Unknown

_LEAVES: Final = SCALARS | {bytearray, complex, dt.datetime, dt.date, dt.timedelta, UUID, Decimal, Unknown}
_LEAVES_AND_INTERNED: Final = _LEAVES | {Interned}

_OPENERS: Final = bytes((*range(0x80, 0xA0), 0xC7, 0xC8, 0xC9, *range(0xD4, 0xD9), 0xDC, 0xDD, 0xDE, 0xDF))
_NO_OPENERS: Final = bytes(set(range(256)) - set(_OPENERS))
_COUNT_OPENERS_BELOW: Final = 1024
"""Bytes: shorter values are shown to be shallow by counting the bytes that could open a container."""

_NO_CONTAINER_IN: Final[dict[type[Any], Callable[[tuple[Any, ...]], bool]]] = {
    bytes: b"".startswith,
    str: "".startswith,
}


def check_depth(obj: Any, data: bytes | memoryview) -> None:
    """Raises BadFrame where `obj`, unpacked from `data`, is nested too deep. An `Interned` is not looked into.

    The cost is about 15 ns an item, 4 ns in a long list of bytes or text.
    """
    if type(data) is bytes and 0 < len(data) < _COUNT_OPENERS_BELOW and shallow(data):
        return
    leaves = _LEAVES_AND_INTERNED
    level = [obj]
    for _ in range(NEST_DEPTH):
        below: list[Any] = []
        for value in level:
            if type(value) is not list:
                items = contents(value)
            elif len(value) < LONG:
                items = value
            elif _only_leaves(value):
                continue
            else:
                items = value
            for item in items:
                if type(item) not in leaves:
                    below.append(item)
        if not below:
            return
        level = below
    raise BadFrame(f"values are nested deeper than {NEST_DEPTH}")


def shallow(data: bytes) -> bool:
    """Whether so few bytes of `data` could open a container that it cannot be nested too deep."""
    return len(data.translate(None, _NO_OPENERS)) <= NEST_DEPTH


def _only_leaves(items: list[Any]) -> bool:
    """Whether a long list is seen at once to hold scalars only; what is false may hold nothing else either."""
    kind = type(items[0])
    test = _NO_CONTAINER_IN.get(kind)
    if test is None:
        return kind in SCALARS and all_scalars(map(type, items))
    if type(items[-1]) is not kind:
        return False
    try:
        return not test(tuple(items))
    except TypeError:
        return False


def contents(value: Any) -> Iterable[Any]:
    """What counts as one container deeper than `value`; nothing for a scalar or an `Interned`."""
    kind = type(value)
    if kind is dict:
        return [*value, *value.values()]
    if kind in (list, tuple, set, frozenset):
        return value  # type: ignore[no-any-return]
    if kind in (Shared, Copied):
        return (value.value,)
    entry = BY_TYPE.get(kind)
    if entry is not None:
        return entry.take(value)
    if isinstance(value, BaseException):
        from ..remote_errors import arguments

        return arguments(value)
    return ()


def height(obj: Any, *, interned: bool = True) -> int:
    """How many containers deep `obj` is nested: 0 for a scalar, at most `limits.NEST_DEPTH` + 1.

    An `Interned` counts as one more than its value where `interned` is true, else as a scalar.
    """
    level = [obj]
    tallest = 0
    for depth in range(NEST_DEPTH + 1):
        if all_scalars(map(type, level)):
            return max(depth, tallest)
        items: list[Any] = []
        leaves = True
        for value in level:
            kind = type(value)
            if kind in _LEAVES:
                continue
            if kind is Interned:
                tallest = max(tallest, depth + 1 + value.definition.height) if interned else tallest
                continue
            leaves = False
            items.extend(contents(value))
        if leaves:
            return max(depth, tallest)
        level = items
    return NEST_DEPTH + 1
