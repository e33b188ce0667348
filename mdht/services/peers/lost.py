"""Contacts whose link broke, and that are tried again, with growing pauses, until they are back or given up.

A link that breaks says little of its peer: it may be restarted, or the way to it is cut. But a contact that nobody
hears of again must go, or the table is full of the dead. So each is dialled after a while, longer each time; the table
counts the failures and drops it after some (`TableConfig.drop_after`), and then it is forgotten here.

Pure but for its name: ids and times in, ids out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...routing.backoff import Backoff

LOST: Final = 512
"""Contacts that are tried again: as many as a table has. Of more, those last lost are left to lookups."""

AT_ONCE: Final = 8
"""Of them, dialled at a time."""

BACKOFF: Final = Backoff(15.0, 600.0)
"""Seconds before a contact is tried again. Five failures, after which the table drops it, are three minutes."""


@dataclass(slots=True)
class _Lost:
    due_s: float
    tries: int = 0


class LostPeers:
    """See the module."""

    def __init__(self) -> None:
        self._lost: dict[bytes, _Lost] = {}

    def __len__(self) -> int:
        return len(self._lost)

    def add(self, peer: bytes, now_s: float, random: float) -> None:
        """Its link broke, or a dial failed: try it again, later each time. `random` is from 0 to below 1."""
        lost = self._lost.get(peer)
        if lost is None:
            if len(self._lost) >= LOST:
                return
            lost = self._lost[peer] = _Lost(now_s)
        lost.tries += 1
        lost.due_s = now_s + BACKOFF.delay_s(lost.tries, random)

    def discard(self, peer: bytes) -> None:
        """It is back, or not wanted any more."""
        self._lost.pop(peer, None)

    def due(self, now_s: float) -> list[bytes]:
        """Whom to dial now; each is due again only after the next `add`, or a long while."""
        late = [peer for peer, lost in self._lost.items() if lost.due_s <= now_s][:AT_ONCE]
        for peer in late:
            self._lost[peer].due_s = now_s + BACKOFF.most_s
        return late

    def next_s(self) -> float | None:
        """When somebody is due; None: nobody."""
        return min((lost.due_s for lost in self._lost.values()), default=None)
