"""By how much our clock is wrong, as far as peers can tell: the median of what they say.

Every handshake tells how far the peer's clock is ahead of ours. A median cannot be moved beyond what honest peers say
while these are the majority, and the bound holds even where they are not (Bitcoin's network-adjusted time, with its
bound; its lesson, that identities are cheap, is why a subnet has one vote).

- One vote a peer, its latest; and one vote a subnet, the median of its peers'. Hosts of one's own network are counted
  one by one: whole companies share such a network, and whoever is in it has other means.
- No correction before `CLOCK_VOTES` votes.
- A vote is kept as the peer's wall clock minus our *monotonic* one, so a step of our own wall clock (NTP, an operator)
  takes effect at once, and leaves no old votes behind.

Times come in as arguments; not thread-safe.
"""

from __future__ import annotations

from collections import OrderedDict
from statistics import median
from typing import Final

from ..limits import CLOCK_OFFSET_MAX_S
from .subnet import is_local, subnet_of

CLOCK_VOTES: Final = 4
"""Votes that make a correction: with fewer, two liars would be the majority. Bitcoin waits for five."""

CLOCK_PEERS: Final = 200
"""Peers whose votes are remembered, the latest: Bitcoin's number."""

VOTE_S: Final = 86_400.0
"""Seconds that a vote counts: quartz drifts by a second or two a day."""

STEADY_S: Final = 2.0
"""Seconds of offset below which nothing is corrected: half a round trip and a busy machine are no wrong clock."""


class ClockVotes:
    """Votes of peers. `now_s` is a clock that does not jump, `wall_s` ours at the same moment, uncorrected."""

    __slots__ = ("_votes",)

    def __init__(self) -> None:
        self._votes: OrderedDict[bytes, tuple[str, float, float]] = OrderedDict()

    def vote(self, peer: bytes, host: str, offset_s: float, now_s: float, wall_s: float) -> None:
        """A peer's clock was `offset_s` ahead of ours when it was seen at `host`; replaces its earlier vote."""
        subnet = peer.hex() if is_local(host) or not host else subnet_of(host)
        self._votes.pop(peer, None)
        self._votes[peer] = (subnet, wall_s + offset_s - now_s, now_s)
        if len(self._votes) > CLOCK_PEERS:
            self._votes.popitem(last=False)

    def measured_s(self, now_s: float, wall_s: float) -> float | None:
        """Seconds to add to our clock to have the peers', unbounded; None: too few have voted."""
        subnets: dict[str, list[float]] = {}
        for subnet, ahead_s, at_s in self._votes.values():
            if now_s - at_s <= VOTE_S:
                subnets.setdefault(subnet, []).append(ahead_s)
        if len(subnets) < CLOCK_VOTES:
            return None
        return median(median(of) for of in subnets.values()) - (wall_s - now_s)

    def offset_s(self, now_s: float, wall_s: float) -> float:
        """The same bounded by `CLOCK_OFFSET_MAX_S` in both directions, in whole seconds; 0 where it is not worth it."""
        measured = self.measured_s(now_s, wall_s)
        if measured is None or abs(measured) < STEADY_S:
            return 0.0
        return float(round(min(max(measured, -CLOCK_OFFSET_MAX_S), CLOCK_OFFSET_MAX_S)))

    def __len__(self) -> int:
        return len(self._votes)
