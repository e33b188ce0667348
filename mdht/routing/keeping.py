"""Which links a node keeps when it has more than it wants.

Kept in any case are those to the peers closest to our id, who hold what we hold, and a few of each distance, by which
lookups leave our neighbourhood in any direction; both are needed for routing (Kademlia, section 2.2). Of the others
the one that was of use longest ago goes first (least recently used). Of use is what carried a question, either way.

Pure: ids, times and numbers in, a choice out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..limits import REPLICAS
from .keys import shared_bits, to_int


@dataclass(frozen=True, slots=True)
class Use:
    """A link that is open. Times in seconds of one clock."""

    peer: bytes
    used_s: float
    """When a question was last seen on it, or when it opened."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """The policy. `most` is the cap of links; everything else follows from it, or has its reason below."""

    most: int
    soft: int = field(default=256)
    """Links above which idle ones are closed: 12 MiB, and ten keep-alives a second, all of them together."""
    idle_s: float = 600.0
    """Seconds without use after which a link is idle: longer than the pauses of one job."""
    replace_idle_s: float = 60.0
    """Seconds without use after which a link gives way to a newcomer, where there is no room for both."""
    siblings: int = 2 * REPLICAS
    """Closest peers that are kept: twice as many as hold a record, as in the routing table."""
    spread: int = 2
    """Links of each distance that are kept, the ones used last."""

    @property
    def wanted(self) -> int:
        """Links that are fine, idle or not."""
        return min(self.soft, max(1, self.most * 3 // 4))

    def kept(self, own_id: bytes, links: Iterable[Use]) -> set[bytes]:
        """Peers whose links stay in any case: at most half of the cap, so that there is always room for newcomers."""
        own = to_int(own_id)
        by_distance = sorted(links, key=lambda use: to_int(use.peer) ^ own)
        half = max(1, self.most // 2)
        kept = {use.peer for use in by_distance[: min(self.siblings, half)]}
        of_bucket: dict[int, int] = {}
        for use in sorted(by_distance[len(kept) :], key=lambda use: (-use.used_s, use.peer)):
            bucket = shared_bits(to_int(use.peer), own)
            if len(kept) >= half:
                break
            if of_bucket.get(bucket, 0) < self.spread:
                of_bucket[bucket] = of_bucket.get(bucket, 0) + 1
                kept.add(use.peer)
        return kept

    def idle(self, own_id: bytes, links: Sequence[Use], now_s: float) -> list[bytes]:
        """Peers whose links are closed now: idle ones, the longest unused first, until there are `wanted`."""
        over = len(links) - self.wanted
        if over <= 0:
            return []
        kept = self.kept(own_id, links)
        late = [use for use in links if use.peer not in kept and now_s - use.used_s >= self.idle_s]
        return [use.peer for use in sorted(late, key=lambda use: (use.used_s, use.peer))[:over]]

    def gives_way(self, own_id: bytes, links: Sequence[Use], newcomer: bytes, now_s: float) -> bytes | None:
        """At the cap: the peer whose link is closed for that to a newcomer; None: the newcomer is refused.

        It is the least used of those that are not to be kept, the newcomer counted, if it is not in use.
        """
        kept = self.kept(own_id, [*links, Use(newcomer, now_s)])
        free = [use for use in links if use.peer not in kept and now_s - use.used_s >= self.replace_idle_s]
        return min(free, key=lambda use: (use.used_s, use.peer)).peer if free else None
