"""What a get tells upkeep: who was behind, and where to cache.

Of an owned record: the replicas that had an older version, or none although they are among the closest, are given the
newest (read repair, as in Dynamo, DeCandia and others 2007, section 4.7). Of content that was not where it was to be
expected: the closest peer that lacked it is given it for a while, so that the next who walks the same way finds it one
step earlier (Kademlia, section 2.3). Only what was verified is passed on, and the store there verifies it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ...model import Content, Signed
from ...routing import Result
from ..roster import Known
from ..upkeep.commands import Repair

CACHE_S: Final = 3_600
"""Lease of content that is cached: an hour of fame. Replicas have a day."""

Tell = Callable[[str, Any], None]
"""Sends a command to a service, by its name."""


def mend(best: Signed | None, result: Result[Known, Any], tell: Tell) -> None:
    """After a get of an owned record, of which `best` is the newest version, be it a tombstone."""
    if best is None:
        return
    behind = [one.peer for one in result.found if one.value.sequence < best.sequence]
    if result.lacked:
        lacked = {peer.id for peer in result.lacked}
        behind += [peer for peer in result.closest if peer.id in lacked]
    if behind:
        tell("upkeep", Repair(best.pack(), tuple((peer.id, peer.record) for peer in behind)))


def cache(content: Content, result: Result[Known, Any], tell: Tell) -> None:
    """After a get of content that was not at the first peer asked."""
    if result.lacked:
        nearest = result.lacked[0]
        tell("upkeep", Repair(content.pack(), ((nearest.id, nearest.record),), CACHE_S))
