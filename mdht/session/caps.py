"""How many half-open links there may be: in all, and of one subnet. The oldest is dropped for a new one.

A handshake costs its answerer a TLS connection (about 60 KiB) and half a millisecond before anybody has proven
anything, so there is a cap. New ones are let in and the oldest go, rather than the reverse: an honest handshake takes a
few round trips, one that only holds a place takes all the time it gets. The cap of a subnet comes first, so whoever has
one subnet pushes out only its own; to push out others takes `total / per_subnet` subnets at once.

Links are any hashable tokens. No clock: the order of `add` is the age.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..errors import WrongState
from ..limits import HALF_OPEN, HALF_OPEN_SUBNET

Link = TypeVar("Link", bound=Hashable)


@dataclass(frozen=True, slots=True)
class CapStats:
    """`half_open` now; `added`, and `dropped` for the cap of all or of a subnet, since the start."""

    half_open: int
    added: int
    dropped_total: int
    dropped_subnet: int

    @property
    def dropped(self) -> int:
        """For either cap."""
        return self.dropped_total + self.dropped_subnet


class HalfOpen(Generic[Link]):
    """The links that others began and that have proven nothing yet."""

    def __init__(self, total: int = HALF_OPEN, per_subnet: int = HALF_OPEN_SUBNET) -> None:
        if total < 1 or per_subnet < 1:
            raise WrongState("a cap", f"{total} in all and {per_subnet} a subnet", "let anybody in")
        self._total = total
        self._per_subnet = per_subnet
        self._subnet_of: dict[Link, Hashable] = {}  # both are in order of age
        self._by_subnet: dict[Hashable, dict[Link, None]] = {}
        self._added = 0
        self._dropped_total = 0
        self._dropped_subnet = 0

    def __len__(self) -> int:
        return len(self._subnet_of)

    def __contains__(self, link: object) -> bool:
        return link in self._subnet_of

    def add(self, link: Link, subnet: Hashable) -> Link | None:
        """A new half-open link from that subnet. Returns the one to drop for it (refuse it as `too many`), or None.

        Raises:
            WrongState: it is here already.
        """
        if link in self._subnet_of:
            raise WrongState("a half-open link", "counted", "be added again")
        self._added += 1
        of_subnet = self._by_subnet.get(subnet, {})
        oldest: Link | None = None
        if len(of_subnet) >= self._per_subnet:
            oldest = next(iter(of_subnet))
            self._dropped_subnet += 1
        elif len(self._subnet_of) >= self._total:
            oldest = next(iter(self._subnet_of))
            self._dropped_total += 1
        if oldest is not None:
            self.discard(oldest)
        self._subnet_of[link] = subnet
        self._by_subnet.setdefault(subnet, {})[link] = None
        return oldest

    def discard(self, link: Link) -> None:
        """It is proven, refused or gone. Nothing happens if it was not here, so both ends of a race may say so."""
        subnet = self._subnet_of.pop(link, None)
        if subnet is None:
            return
        of_subnet = self._by_subnet[subnet]
        del of_subnet[link]
        if not of_subnet:
            del self._by_subnet[subnet]

    def stats(self) -> CapStats:
        """The counters."""
        return CapStats(len(self._subnet_of), self._added, self._dropped_total, self._dropped_subnet)
