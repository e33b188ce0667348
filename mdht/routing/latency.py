"""How long peers usually take to answer, and from when on one of them is a straggler.

Dean & Barroso, *The Tail at Scale* (2013): do not wait for the slowest; ask another once an answer is later than most
are. The percentiles are those of the last `WINDOW` answers, whoever gave them. One object is shared by all lookups of
a node.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass
from typing import Final

WINDOW: Final = 64
"""Answers remembered: enough for a 90th percentile, few enough to follow a change of network within seconds."""

ENOUGH: Final = 8
"""Answers before the percentiles are believed."""


@dataclass(frozen=True, slots=True)
class LatencyStats:
    """Numbers of the last answers."""

    answers: int
    """Answers in the window."""
    p50_s: float
    p90_s: float
    patience_s: float


class Latency:
    """A window of response times in seconds. `first_s` is the patience while too few are known: two in a row may be
    dead, and who asks still waits less than half a second.
    """

    __slots__ = ("_first_s", "_floor_s", "_latest", "_sorted")

    def __init__(self, first_s: float = 0.2, floor_s: float = 0.02) -> None:
        """`floor_s`: nobody is a straggler before it, or one late scheduling on a fast network would be one."""
        self._first_s = first_s
        self._floor_s = floor_s
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []

    def observe(self, took_s: float) -> None:
        """A peer has answered after `took_s`."""
        if len(self._latest) == WINDOW:
            del self._sorted[bisect_left(self._sorted, self._latest.popleft())]
        self._latest.append(took_s)
        insort(self._sorted, took_s)

    def percentile(self, percent: int) -> float:
        """The response time that `percent` of the answers did not exceed; `first_s` while too few are known."""
        if len(self._sorted) < ENOUGH:
            return self._first_s
        return self._sorted[min(len(self._sorted) * percent // 100, len(self._sorted) - 1)]

    def patience_s(self, p50_times: float = 4.0, p90_times: float = 2.0) -> float:
        """How long to wait for an answer before somebody else is asked.

        The lesser of two multiples: that of p90 allows for a wide spread, that of p50 holds where so many are slow that
        p90 is one of them.
        """
        if len(self._sorted) < ENOUGH:
            return self._first_s
        return max(self._floor_s, min(p50_times * self.percentile(50), p90_times * self.percentile(90)))

    def stats(self) -> LatencyStats:
        """Plain numbers."""
        return LatencyStats(len(self._sorted), self.percentile(50), self.percentile(90), self.patience_s())
