"""The door in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from ipc import sendable


@sendable("mdht.door_numbers")
@dataclass(frozen=True, slots=True)
class DoorNumbers:
    """What was asked at the door. Answered by `DoorStats`."""


@sendable("mdht.door_stats")
@dataclass(frozen=True, slots=True)
class DoorStats:
    """Programs and requests now, then totals."""

    clients: int = 0
    waiting: int = 0
    """Requests that are not answered yet, those of clients that have left included."""
    requests: int = 0
    failed: int = 0
    """Requests answered by an error."""
    refused: int = 0
    """Clients turned away, or cut off for what they sent."""
