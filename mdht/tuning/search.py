"""From one placement to a better one, until none is found or time is up. Pure: it says what to compare, and is told.

    course = search(start, neighbours, out_of_time)
    step = next(course)                        # Look(placed): measure it; Try(placed, move): compare the two
    step = course.send(answer)                 # an Observation, or a Gain
    …                                          # StopIteration.value is the Found

It climbs: the first move that helps beyond the noise is made, and the search goes on from there. What was tried against
a placement that is left since is tried again only if it is proposed again, and never twice against the same.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Final

from .gain import Gain
from .moves import Move
from .observed import Observation
from .placed import Placed

MOST_TRIES: Final = 8
"""Moves that are tried from one placement: those after the most promising eight never helped where these did not."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What the search may take."""

    seconds: float = 300.0
    """In all, the last comparison with `single` included."""
    turn_s: float = 1.0
    """Of one measurement."""
    turns: int = 10
    """Most pairs of measurements of one comparison; it ends earlier where more would not change the answer."""


@dataclass(frozen=True, slots=True)
class Look:
    """Measure this one; answered by an Observation."""

    placed: Placed


@dataclass(frozen=True, slots=True)
class Try:
    """Compare a move with where the node is; answered by a Gain, or by a text that says why it cannot be measured."""

    placed: Placed
    move: Move


Step = Look | Try
Answer = Observation | Gain | str


@dataclass(frozen=True, slots=True)
class Tried:
    """One comparison."""

    before: Placed
    move: Move
    gain: Gain | None
    """None: it could not be measured."""
    failed: str = ""


@dataclass(slots=True)
class Found:
    """What came of a search."""

    best: Placed
    seen: Observation
    """Of the best."""
    tried: list[Tried] = field(default_factory=list)
    looks: list[tuple[Placed, Observation]] = field(default_factory=list)
    """Of each placement that the search stood at, in order."""
    ended: str = ""


Neighbours = Callable[[Placed, Observation], Sequence[Move]]


def search(start: Placed, neighbours: Neighbours, out_of_time: Callable[[], bool]) -> Generator[Step, Answer, Found]:
    """See the module. Errors of measuring the start are the caller's."""
    seen = yield Look(start)
    assert isinstance(seen, Observation), "answers a look"
    found = Found(start, seen, looks=[(start, seen)])
    compared: set[frozenset[Placed]] = set()
    while True:
        better = None
        for move in neighbours(found.best, found.seen)[:MOST_TRIES]:
            pair = frozenset((found.best, move.placed))
            if pair in compared:
                continue
            if out_of_time():
                found.ended = "the time was up"
                return found
            compared.add(pair)
            answer = yield Try(found.best, move)
            gain = answer if isinstance(answer, Gain) else None
            found.tried.append(Tried(found.best, move, gain, answer if isinstance(answer, str) else ""))
            if gain is not None and gain.better:
                better = move.placed
                break
        if better is None:
            found.ended = "no move helped"
            return found
        seen = yield Look(better)
        assert isinstance(seen, Observation), "answers a look"
        found.best, found.seen = better, seen
        found.looks.append((better, seen))
