"""What stands for values of types that are not registered here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..refs import Copied


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands where a value of a registered type was whose `name` is not registered here."""

    name: str


class UnknownTypeError(Exception):
    """Inside this package: the fast decoder met a type that is not registered."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def find_unknown(obj: Any) -> str | None:
    """The name in the first `Unknown` in `obj`, found through lists, tuples, dicts, sets and refs; None without one."""
    stack = [obj]
    while stack:
        value = stack.pop()
        kind = type(value)
        if kind is Unknown:
            return str(value.name)
        if kind is dict:
            stack.extend(value)
            stack.extend(value.values())
        elif kind in (list, tuple, set, frozenset):
            stack.extend(value)
        elif kind is Copied:
            stack.append(value.value)
    return None
