"""Which ids a node looks up for itself, so that it knows others and they know it (Kademlia, section 2.3).

After it is linked: first its own id, which makes it known around it. Then, in a larger network, one id of every bucket,
of which it knows only what came up on the way. Later a bucket in which nothing was looked up for `refresh_s`.
"""

from __future__ import annotations

from collections.abc import Callable

from ...limits import K
from ...routing import RoutingTable


class Refresh:
    """For the table of one node. `random` gives so many random bytes."""

    def __init__(self, table: RoutingTable, random: Callable[[int], bytes]) -> None:
        self._table = table
        self._random = random
        self._joined = 0

    def targets(self, linked: bool, now_s: float) -> list[bytes]:
        """What to look up now; it counts as looked up. `linked`: whether anybody is."""
        if not linked:
            self._joined = 0
            return []
        table = self._table
        buckets = table.due(now_s)
        if self._joined == 1 and len(table) >= K:
            buckets = list(range(table.stats().buckets))
        targets = [table.refresh_target(at, int.from_bytes(self._random(32), "big")) for at in buckets]
        if self._joined == 0:
            targets.append(table.own_id)
        self._joined = min(2, self._joined + 1)
        for target in targets:
            table.looked_up(target, now_s)
        return targets
