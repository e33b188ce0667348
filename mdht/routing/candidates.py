"""Peers that a lookup knows of, by distance, and whose word each of them rests on.

A *source* is who named a candidate. A source whose peers mostly do not answer has lost its credit; a candidate that
only such sources name is *doubtful*, and is asked when there is nobody else. So a liar that names twenty peers who do
not exist, all nearest to the target, costs `doubt_after` questions and not twenty; the first honest peer to name one of
them restores it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from enum import Enum
from typing import Generic

from .lookup_steps import P


class State(Enum):
    """Of one candidate."""

    NEW = "new"
    """Left when it is asked."""
    WAITING = "waiting"
    """Asked, and holds one of the places. Left by its answer, by failure, or when it is slower than usual."""
    SLOW = "slow"
    """Asked, its place is free again. Left by its answer or by failure."""
    ANSWERED = "answered"
    """Final."""
    FAILED = "failed"
    """Left if its answer comes after all."""
    FALSE = "false"
    """Caught at a forgery; final."""


class Candidate(Generic[P]):
    """One peer of one lookup."""

    __slots__ = ("asked_s", "distance", "has_value", "named_bad", "named_good", "peer", "sources", "state", "unrelated")

    def __init__(self, peer: P, distance: int) -> None:
        self.peer = peer
        self.distance = distance
        self.state = State.NEW
        self.asked_s = 0.0
        self.sources: list[Candidate[P]] | None = []
        """Who named it; None: we knew it ourselves."""
        self.named_good = 0
        self.named_bad = 0
        self.unrelated = False
        self.has_value = False

    def credible(self, doubt_after: int) -> bool:
        """Whether its word counts as a source."""
        if self.state is State.FALSE:
            return False
        return self.named_bad < doubt_after or self.named_bad <= 2 * self.named_good

    def doubtful(self, doubt_after: int) -> bool:
        """Whether nobody credible named it."""
        if self.sources is None:
            return False
        return not any(source.credible(doubt_after) for source in self.sources)

    def credit(self, good: int, bad: int) -> None:
        """It has answered, is late, or has failed: those who named it gain or lose.

        Lateness counts as failure until the answer comes, or a liar would keep its credit until the hard deadline.
        """
        for source in self.sources or ():
            source.named_good += good
            source.named_bad += bad


class Candidates(Generic[P]):
    """Candidates in the order of their distance. Those that failed or lied are kept, but not in the order."""

    __slots__ = ("_by_distance", "_doubt_after", "_limit", "_order")

    def __init__(self, limit: int, doubt_after: int) -> None:
        self._limit = limit
        self._doubt_after = doubt_after
        self._order: list[int] = []
        self._by_distance: dict[int, Candidate[P]] = {}

    def __len__(self) -> int:
        return len(self._by_distance)

    def __iter__(self) -> Iterator[Candidate[P]]:
        """Those in the order, the nearest first. Must not be changed meanwhile."""
        return map(self._by_distance.__getitem__, self._order)

    def get(self, distance: int) -> Candidate[P] | None:
        """The candidate at this distance."""
        return self._by_distance.get(distance)

    def all(self) -> list[Candidate[P]]:
        """Every candidate, the nearest first."""
        return sorted(self._by_distance.values(), key=lambda candidate: candidate.distance)

    def nearest(self) -> int | None:
        """The least distance in the order."""
        return self._order[0] if self._order else None

    def add(self, peer: P, distance: int, source: Candidate[P] | None) -> None:
        """A peer was named by `source`, or by us; one that is known gets one more source."""
        candidate = self._by_distance.get(distance)
        if candidate is None:
            candidate = self._by_distance[distance] = Candidate(peer, distance)
            insort(self._order, distance)
        if source is None:
            candidate.sources = None
        elif candidate.sources is not None and source not in candidate.sources:
            candidate.sources.append(source)
            source.named_good += candidate.state is State.ANSWERED
            source.named_bad += candidate.state in (State.SLOW, State.FAILED)

    def trim(self) -> None:
        """Forget the farthest of those not asked until the limit is kept, doubtful ones before others."""
        over = len(self._by_distance) - self._limit
        if over <= 0:
            return
        new = [candidate for candidate in self if candidate.state is State.NEW]
        new.sort(key=lambda candidate: (candidate.doubtful(self._doubt_after), candidate.distance))
        for candidate in new[max(0, len(new) - over) :]:
            del self._by_distance[candidate.distance]
            self.take_out(candidate)

    def take_out(self, candidate: Candidate[P]) -> None:
        """It failed or lied: out of the order."""
        at = bisect_left(self._order, candidate.distance)
        if at < len(self._order) and self._order[at] == candidate.distance:
            del self._order[at]

    def put_back(self, candidate: Candidate[P]) -> None:
        """It answered after all."""
        self.take_out(candidate)
        insort(self._order, candidate.distance)
