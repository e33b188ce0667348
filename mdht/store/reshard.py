"""Taking over what another store held, as it was there: to divide a store anew.

No rule is asked and no share refuses it: it was let in once. It counts in its accounts like anything else, and taking
the same twice counts once, so what was interrupted may be done again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .entry import Held, owner_of, slot_of
from .quota import Change
from .rules import Shelf


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a division is."""

    parts: int
    """Into so many."""
    done: int
    """Records that are in their new parts, and synced."""
    total: int
    """Records that there are."""


Told = Callable[[Progress], None]
"""Is told of progress, on the thread that divides."""


def adopt(shelf: Shelf, held: Held) -> None:
    """Keep this as it is. Raises Malformed or OtherKind for what is damaged."""
    record = held.record
    slot = slot_of(record)
    there = shelf.load(slot)
    if there == held:
        return
    goes = None if there is None else (there.record, there)
    shelf.save(slot, owner_of(record), held, there)
    Change(goes, (record, held)).apply(shelf.usage, shelf.set_usage)
