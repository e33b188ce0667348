"""What the routing table answers when it is told of a peer, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from .contact import Contact


class Change(Enum):
    """What became of a peer."""

    ADDED = "added"
    """It is in the table now."""
    HELD = "held"
    """It was in the table, or among the spares, and stays there."""
    SPARE = "spare"
    """It waits for a place: its bucket is full, or it has not proven itself."""
    DROPPED = "dropped"
    """It was known, and is not any more."""
    REFUSED = "refused"
    """It may not enter; see the reason."""
    UNKNOWN = "unknown"
    """It was not known, and is not now."""


class Reason(Enum):
    """Why a peer was refused."""

    OWN_ID = "own id"
    DIVERSITY = "too many of its subnet"
    TRUST = "not trusted"
    NO_ROOM = "no room for more spares"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the peer, and of others because of it."""

    change: Change
    reason: Reason | None = None
    """Only with REFUSED."""
    check: Contact | None = None
    """A contact long unseen whose place this peer could have: ask it something, and tell `seen` or `failed`."""
    replaced: Contact | None = None
    """The contact that gave way and is a spare now."""
    promoted: Contact | None = None
    """The spare that took a place that became free."""


ADDED: Final = Outcome(Change.ADDED)
HELD: Final = Outcome(Change.HELD)
DROPPED: Final = Outcome(Change.DROPPED)
UNKNOWN: Final = Outcome(Change.UNKNOWN)


@dataclass(frozen=True, slots=True)
class TableStats:
    """Numbers of a routing table; the last three are totals since it was made."""

    contacts: int
    spares: int
    buckets: int
    failing: int
    """Contacts whose last request went unanswered."""
    version: int
    evicted: int
    """Contacts dropped because they failed."""
    refused_diversity: int
    refused_trust: int
