"""How the time of a tuning run is spent, so that it holds in all. Pure: it is given a clock.

What a node costs to start and a measurement to take is known once it has been done; before that it is guessed, low. The
last comparison, with `single`, is paid for in advance: the search ends while there is still time for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .gain import LEAST_PAIRS

LOOKS: Final = 3
"""Measurements of a placement by itself."""

START_S: Final = 0.8
END_S: Final = 0.2
"""Seconds for a node to start, be linked and warm up, and to end, where nothing else is known: on a fast machine."""

FILL_SHARE: Final = 0.2
"""Of a budget, for the records of one node: four nodes have to be filled at least."""

LEAST_TURN_S: Final = 0.2
MOST_TURN_S: Final = 1.0
TURNS_IN: Final = 180
"""Where no turn is asked for, it is such a part of the budget: some comparisons of ten pairs, and the starts."""


def usual_turn_s(seconds: float) -> float:
    """The turn for a budget: shorter ones measure less, but more of them fit."""
    return min(MOST_TURN_S, max(LEAST_TURN_S, seconds / TURNS_IN))


def least_s(turn_s: float) -> float:
    """The least budget: a look, one comparison of a move, one with `single`, each with two nodes."""
    return (LOOKS + 2 * 2 * LEAST_PAIRS) * turn_s + 4 * (START_S + END_S)


class Spending:
    """One run's time, in seconds. It begins when this is made."""

    def __init__(self, seconds: float, turn_s: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began_s = clock()
        self.seconds = seconds
        self._start_s, self._end_s, self._turn_s = START_S, END_S, turn_s

    @property
    def took_s(self) -> float:
        """Since the beginning."""
        return self._clock() - self._began_s

    @property
    def left_s(self) -> float:
        """Until the end; 0.0 past it."""
        return max(0.0, self.seconds - self.took_s)

    @property
    def costs(self) -> str:
        """What was found to be the cost of things, for people."""
        return f"a node takes {self._start_s:.1f} s to start and fill, a measurement {self._turn_s:.1f} s"

    @property
    def fill_s(self) -> float:
        """What the records of the next node may take."""
        return min(self.left_s, FILL_SHARE * self.seconds)

    def node_started(self, seconds: float) -> None:
        """And was filled and warmed up; the longest so far counts for those to come, here and below."""
        self._start_s = max(self._start_s, seconds)

    def node_ended(self, seconds: float) -> None:
        """With its load makers told."""
        self._end_s = max(self._end_s, seconds)

    def turn_took(self, seconds: float) -> None:
        """A measurement is done; one that took very long was an accident, and counts in part."""
        self._turn_s = max(self._turn_s, min(seconds, 2 * self._turn_s))

    def comparison_s(self, nodes: int = 2) -> float:
        """The shortest comparison that can tell anything, with so many nodes to start, and all that are up to end."""
        return nodes * self._start_s + 2 * self._end_s + 2 * LEAST_PAIRS * self._turn_s

    def has_comparison(self, nodes: int, *, first: bool = False) -> bool:
        """Whether a move can be compared, and what comes of it be compared with `single` after that. The first may be
        compared without that: it says something, though nothing can be recommended by it.
        """
        after_s = 2 * self._end_s + (0.0 if first else self.comparison_s())
        return self.left_s >= self.comparison_s(nodes) + after_s

    def has_check(self) -> bool:
        """Whether the comparison with `single` can tell anything."""
        return self.left_s >= self.comparison_s() + 2 * self._end_s

    def has_pair(self, check: bool) -> bool:
        """Whether two more measurements fit; `check`: and the comparison with `single` after them."""
        after_s = 2 * self._end_s + (self.comparison_s() if check else 0.0)
        return self.left_s >= 2 * self._turn_s + after_s
