"""When the next batch of puts begins: group commit that waits for company where a sync is slow. Pure.

What comes during a sync goes into the next batch. Left at that, those who were answered come back just after that next
batch has begun, and all put in two halves, each of which waits for the other's sync. So where a sync is slow the next
batch waits a little for who was just answered: as long as they keep coming, and half a sync at most.

P. Helland et al., Group Commit Timers and High Volume Transaction Systems, HPTS 1987.
"""

from __future__ import annotations

from typing import Final

SLOW_S: Final = 0.001
"""A sync that takes less is waited for sooner than others; timers of a loop are no finer."""

_LONGEST: Final = 1 / 2
"""Of a sync: the most that a batch waits."""

_PAUSE: Final = 1 / 8
"""Of a sync: when nobody has come for so long, nobody else will."""


class Grouping:
    """`synced` when a batch is done, `delay_s` whenever one could begin. Seconds of any one clock.

    `parts`: among how many stores the keys are spread, of which this is one: so many of those answered come back to it.
    """

    def __init__(self, parts: int = 1) -> None:
        self._parts = max(1, parts)
        self._until_s = self._pause_s = self._came_s = 0.0
        self._wanted = self._seen = 0

    def synced(self, began_s: float, now_s: float, answered: int, waiting: int) -> None:
        """A batch is done; so many were answered, and so many wait."""
        took_s = now_s - began_s
        self._wanted, self._seen = answered // self._parts + waiting, waiting
        self._pause_s = took_s * _PAUSE
        self._came_s = now_s
        self._until_s = now_s + took_s * _LONGEST if took_s >= SLOW_S else now_s

    def delay_s(self, now_s: float, waiting: int) -> float:
        """0: begin with those who wait. Else when to look again, at the latest."""
        if waiting > self._seen:
            self._seen, self._came_s = waiting, now_s
        ends_s = min(self._until_s, self._came_s + self._pause_s)
        if waiting >= self._wanted or now_s >= ends_s:
            return 0.0
        return ends_s - now_s
