"""Questions to all places of links at once, such as for their numbers: one answer, when the last has answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from ..links.commands import LinkStats

Tell = Callable[[Any, Exception | None], None]


class Gather:
    """`send(place, number)` asks one place; its answer comes to `answered` with that number. For one thread."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[Tell, list[LinkStats], int]] = {}
        self._last = 0

    def ask(self, places: int, send: Callable[[int, int], None], tell: Tell) -> None:
        """Ask every place."""
        self._last += 1
        self._waiting[self._last] = (tell, [], places)
        for place in range(places):
            send(place, self._last)

    def answered(self, number: int, stats: LinkStats | None, error: Exception | None) -> None:
        """One place has answered. The first error is the answer."""
        waiting = self._waiting.get(number)
        if waiting is None:
            return
        tell, parts, wanted = waiting
        if error is not None:
            del self._waiting[number]
            tell(None, error)
            return
        assert stats is not None, "no error"
        parts.append(stats)
        if len(parts) == wanted:
            del self._waiting[number]
            tell(total(parts), None)


def total(parts: list[LinkStats]) -> LinkStats:
    """All of them together."""
    return LinkStats(**{field.name: sum(getattr(part, field.name) for part in parts) for field in fields(LinkStats)})
