"""A lookup's settings: implementation, not protocol."""

from __future__ import annotations

from dataclasses import dataclass

from ..limits import ALPHA, CLOSEST_PEERS, LOOKUP_TIMEOUT_S, REPLICAS, REQUEST_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class LookupConfig:
    """Each trade-off is under its field."""

    parallel: int = ALPHA
    """α: peers asked at once. More is faster among dead peers, and costs everybody more messages."""
    wanted: int = REPLICAS
    """r: nearest peers that must have answered before the lookup has converged."""
    closer: int = CLOSEST_PEERS
    """Peers taken from one answer, the nearest of them; an answer has no more."""
    candidates: int = 256
    """Peers remembered; the farthest not yet asked are forgotten first, those only liars told of before them."""
    asked: int = 96
    """Peers asked in all: several times what a lookup among a million peers takes, with a third of them dead."""
    peer_timeout_s: float = REQUEST_TIMEOUT_S
    """After this a peer has failed. Its answer still counts if it comes."""
    timeout_s: float = LOOKUP_TIMEOUT_S
    """After this the lookup ends with what it has."""
    grace_s: float = 1.0
    """A lookup that has converged waits so long for the slow ones among the nearest, from when each was asked: a peer
    that has to be dialled first is slow, and yet the one that a record belongs to."""
    p50_times: float = 4.0
    p90_times: float = 2.0
    """A peer slower than both of these multiples of the usual frees its place for another (see `latency.py`)."""
    doubt_after: int = 4
    """Failed peers by which one who told of them loses its credit, unless half as many of its peers answered."""

    def faults(self) -> list[str]:
        """Everything that is wrong with these values, each with what would be right; empty where nothing is."""
        least = {"parallel": 1, "wanted": 1, "closer": 1, "asked": 1, "doubt_after": 1, "candidates": self.wanted}
        wrong = [
            f"{name}: must be at least {low}, not {getattr(self, name)}"
            for name, low in least.items()
            if getattr(self, name) < low
        ]
        if self.grace_s < 0:
            wrong.append(f"grace_s: must not be negative, not {self.grace_s}")
        wrong += [
            f"{name}: must be more than 0, not {getattr(self, name)}"
            for name in ("peer_timeout_s", "timeout_s", "p50_times", "p90_times")
            if not getattr(self, name) > 0
        ]
        return wrong
