"""From one placement to a better one, until none is found or time is up. Pure: it says what to compare, and is told.

    course = search(start, neighbours, out_of_time)
    step = next(course)                        # Look(placed): measure it; Try(placed, move): compare the two
    step = course.send(answer)                 # an Observation, or a Gain
    …                                          # StopIteration.value is the Found

It climbs: the first move that helps beyond the noise is made, and the search goes on from there. Where none helps by
itself, two steps at once are tried, by way of the moves that did no harm: a process for the links may bring nothing
until there are two, or until the store has one. And where it is undecided of a move whether it helps, but it seems to,
time that is left goes into more turns of it. What was tried against a placement that is left since is tried again
only if it is proposed again, and never twice against the same.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Final

from .gain import HARMLESS, Gain
from .moves import Move
from .observed import Observation
from .placed import Placed

MOST_TRIES: Final = 8
"""Moves that are tried from one placement: those after the most promising eight never helped where these did not."""

MOST_WAYS: Final = 2
"""Moves that did no harm, by way of which second steps are tried."""

SECOND_TRIES: Final = 3
"""Second steps by way of each."""

MOST_AGAIN: Final = 3
"""Times that a move which seems to help is measured further: four times the turns make the interval half as wide."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What the search may take."""

    seconds: float = 300.0
    """In all, the last comparison with `single` included."""
    turn_s: float = 1.0
    """Of one measurement."""
    turns: int = 20
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
    again: bool = False
    """Go on where the two were compared before."""


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
    while not found.ended:
        first = neighbours(found.best, found.seen)[:MOST_TRIES]
        better = yield from _tries(found, first, compared, out_of_time)
        if better is None and not found.ended:
            better = yield from _second_steps(found, neighbours, compared, out_of_time)
        if better is None and not found.ended:
            better = yield from _again(found, out_of_time)
        if better is None:
            found.ended = found.ended or "no move helped"
            break
        seen = yield Look(better)
        assert isinstance(seen, Observation), "answers a look"
        found.best, found.seen = better, seen
        found.looks.append((better, seen))
    return found


def _tries(
    found: Found, moves: Sequence[Move], compared: set[frozenset[Placed]], out_of_time: Callable[[], bool]
) -> Generator[Step, Answer, Placed | None]:
    """The first of them that helps."""
    for move in moves:
        pair = frozenset((found.best, move.placed))
        if pair in compared or move.placed == found.best:
            continue
        if out_of_time():
            found.ended = "the time was up"
            return None
        compared.add(pair)
        answer = yield Try(found.best, move)
        gain = answer if isinstance(answer, Gain) else None
        found.tried.append(Tried(found.best, move, gain, answer if isinstance(answer, str) else ""))
        if gain is not None and gain.better:
            return move.placed
    return None


def _second_steps(
    found: Found, neighbours: Neighbours, compared: set[frozenset[Placed]], out_of_time: Callable[[], bool]
) -> Generator[Step, Answer, Placed | None]:
    """From moves that did no harm, the best first; each is compared with where the search stands."""
    harmless = [
        (one.gain.ratio, one.move.placed)
        for one in found.tried
        if one.before == found.best and not one.move.minor and one.gain is not None and one.gain.ratio >= HARMLESS
    ]
    for _, way in sorted(harmless, key=lambda one: -one[0])[:MOST_WAYS]:
        if out_of_time():
            found.ended = "the time was up"
            return None
        seen = yield Look(way)
        assert isinstance(seen, Observation), "answers a look"
        new = [
            Move(one.placed, f"with {way}: {one.why}")
            for one in neighbours(way, seen)
            if not one.minor and frozenset((found.best, one.placed)) not in compared
        ]
        better = yield from _tries(found, new[:SECOND_TRIES], compared, out_of_time)
        if better is not None or found.ended:
            return better
    return None


def _again(found: Found, out_of_time: Callable[[], bool]) -> Generator[Step, Answer, Placed | None]:
    """More turns for what seems to help, the best first."""
    for _ in range(MOST_AGAIN):
        unsure = [
            (one.gain.ratio, at)
            for at, one in enumerate(found.tried)
            if one.before == found.best and one.gain is not None and one.gain.promising
        ]
        for _, at in sorted(unsure, reverse=True)[:MOST_WAYS]:
            if out_of_time():
                found.ended = "the time was up"
                return None
            one = found.tried[at]
            answer = yield Try(one.before, one.move, again=True)
            gain = answer if isinstance(answer, Gain) else None
            found.tried[at] = Tried(one.before, one.move, gain, answer if isinstance(answer, str) else "")
            if gain is not None and gain.better:
                return one.move.placed
    return None
