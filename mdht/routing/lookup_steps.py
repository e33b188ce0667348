"""What a lookup says: ask this peer, wait until then, done with this result. And what it is told of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar


class HasId(Protocol):
    """Anything that is a peer to a lookup."""

    @property
    def id(self) -> bytes:
        """32 bytes."""
        ...


P = TypeVar("P", bound=HasId)
V = TypeVar("V")


class Verdict(Enum):
    """What the caller found when it verified an answer. Nothing is believed that it did not call GOOD."""

    NOTHING = "nothing"
    """The peer has no value."""
    GOOD = "good"
    """It has one: the address fits, the signature holds."""
    FORGED = "forged"
    """It sent something that is not what was asked for: nothing else it says counts."""


class End(Enum):
    """Why a lookup ended."""

    FOUND = "found"
    """As many values as were wanted."""
    CONVERGED = "converged"
    """The nearest peers have all answered."""
    EXHAUSTED = "exhausted"
    """Everybody known was asked, and fewer answered than were wanted."""
    LIMIT = "limit"
    """As many peers were asked as may be."""
    DEADLINE = "deadline"
    """The time was over."""


@dataclass(frozen=True, slots=True)
class Ask(Generic[P]):
    """Ask this peer, and tell `on_success` or `on_failure`; by `until_s` it counts as failed."""

    peer: P
    until_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before an answer comes or it is `until_s`; call `next` then."""

    until_s: float


@dataclass(frozen=True, slots=True)
class Found(Generic[P, V]):
    """A verified value, and who had it."""

    peer: P
    value: V


@dataclass(frozen=True, slots=True)
class Result(Generic[P, V]):
    """What a lookup found; peers are in the order of their distance to the target, the nearest first."""

    end: End
    closest: tuple[P, ...]
    """The r nearest that answered."""
    found: tuple[Found[P, V], ...]
    """Values in the order in which they came."""
    lacked: tuple[P, ...]
    """Those that answered without the value: where to cache it, or to hand it over. Empty if none was wanted."""
    failed: tuple[P, ...]
    """Those that did not answer."""
    discounted: tuple[P, ...]
    """Those caught at a forgery, at an answer beside the point, or at naming peers that do not exist."""
    asked: int
    took_s: float


@dataclass(frozen=True, slots=True)
class Done(Generic[P, V]):
    """The lookup is over; every later `next` says the same."""

    result: Result[P, V]


@dataclass(frozen=True, slots=True)
class LookupStats:
    """Numbers of a lookup at one moment."""

    candidates: int
    asked: int
    waiting: int
    slow: int
    """Those among the asked that no place is kept for any more, but whose answer would count."""
    answered: int
    failed: int
    found: int
