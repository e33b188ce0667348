"""One bucket: contacts in the order they were last seen, and spares that wait for a place."""

from __future__ import annotations

from typing import Final

from .contact import Entry
from .trust import Trust

NEVER_S: Final = -float("inf")
"""When a contact was seen that has never proven itself."""


class Bucket:
    """A part of the table; sizes are the table's business."""

    __slots__ = ("entries", "refreshed_s", "spares")

    def __init__(self, now_s: float) -> None:
        self.entries: dict[bytes, Entry] = {}
        """By id, the one longest unseen first."""
        self.spares: dict[bytes, Entry] = {}
        self.refreshed_s = now_s
        """When an id of this bucket was last looked up."""

    def touch(self, peer_id: bytes) -> None:
        """This contact was seen last."""
        self.entries[peer_id] = self.entries.pop(peer_id)

    def oldest(self) -> Entry:
        """The contact longest unseen. Raises StopIteration if the bucket is empty."""
        return next(iter(self.entries.values()))

    def best_spare(self, trust: Trust) -> Entry | None:
        """The proven spare to take a place that became free: the most trusted, then the one last seen."""
        proven = [spare for spare in self.spares.values() if is_proven(spare)]
        return max(proven, key=lambda spare: (trust.peer(spare.contact.id), spare.last_seen_s), default=None)

    def worst_spare(self, trust: Trust) -> Entry:
        """The spare to lose first. Raises ValueError if there is none."""
        return min(self.spares.values(), key=lambda spare: (trust.peer(spare.contact.id), spare.last_seen_s))


def is_proven(entry: Entry) -> bool:
    """Whether it has proven its id to us, or was only told of."""
    return entry.last_seen_s > NEVER_S
