"""Links in several places: each place is a shard of the link service, and a link's number says which has it."""

from __future__ import annotations

from typing import Any, Final

from ipc import Shard

PLACES: Final = 1 << 10
"""Most places: as many shards as a placement may have."""


def link_number(count: int, place: int) -> int:
    """The number of the `count`-th link of a place."""
    return count * PLACES + place


def place_of(link: int) -> int:
    """Where the link of that number is."""
    return link % PLACES


def place_for(command: Any) -> Shard:
    """Where a command of the link service belongs: to its `place`, or to that of its `link`; else to the first."""
    place = getattr(command, "place", None)
    if place is None:
        place = place_of(getattr(command, "link", 0))
    return Shard(place)
