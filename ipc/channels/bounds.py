"""How much one sender may have waiting at a service, and what happens when it is too much."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ..limits import CHANNEL_BYTES, CHANNEL_COMMANDS, LOCAL_COMMAND_BYTES


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of a channel, counted per sender until the service has served the command.

    `when_full` is `block` (wait until there is room or the deadline passes, then `Full`) or `fail` (`Full` at once).
    A sender that lives on an event loop cannot wait, so there `block` raises `Full` at once, too.
    """

    commands: int = CHANNEL_COMMANDS
    bytes: int = CHANNEL_BYTES
    when_full: Literal["block", "fail"] = "block"

    def __post_init__(self) -> None:
        if self.commands < 1 or self.bytes < 1:
            raise ValueError(f"channel bounds must be at least 1, not {self.commands} commands and {self.bytes} bytes")
        if self.when_full not in ("block", "fail"):
            raise ValueError(f"when_full is {self.when_full!r}; it must be 'block' or 'fail'")


_SIZED = frozenset({bytes, str, bytearray})
_FLAT = frozenset({int, float, bool, type(None)})


def local_size(command: Any) -> int:
    """Bytes that a command passed as an object is counted for: its own, not those of what it refers to."""
    kind = type(command)
    if kind in _SIZED:
        return len(command)
    if kind in _FLAT:
        return LOCAL_COMMAND_BYTES
    parts: Iterable[Any]
    size = LOCAL_COMMAND_BYTES
    if kind is list or kind is tuple:
        parts = command
    elif kind is dict:
        parts = command.values()
        size += sys.getsizeof(command)
    elif (fields := getattr(kind, "__dataclass_fields__", None)) is not None:
        parts = [getattr(command, name, None) for name in fields]
    else:
        return size
    for part in parts:
        size += len(part) if type(part) in _SIZED else local_size(part)
    return size
