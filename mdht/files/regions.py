"""Which known peers are the closest to an address, for tens of thousands of addresses from few lookups.

A lookup that converged gives the k closest peers to its target, and so says of every peer that is closer than the
farthest of them that it is in the list. With `p` leading bits that target and farthest have in common, that is true of
all peers that share `p + 1` bits with the target: for them the list is complete. An address with those same bits has
its closest peers among them (by XOR, who shares more leading bits is closer; Maymounkov and Mazières, 2002, section 2),
if they are enough. A list of fewer than k peers is the whole network, a region of no bits.

So a network of n peers takes about n/10 lookups for k = 20, however many addresses there are; one for up to 20 peers.
What is known ages: after `REGION_S` it is looked up again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Generic, Protocol, TypeVar

REGION_S: Final = 60.0
"""Seconds that a region is believed: who has come since then is not put to, who has left is noticed when asked."""

REGIONS: Final = 4_096
"""Regions remembered, of at most k peers each: a network of 40,000 peers. The oldest goes first."""

_BITS: Final = 256


class HasId(Protocol):
    """A peer."""

    @property
    def id(self) -> bytes:
        """32 bytes."""
        ...


P = TypeVar("P", bound=HasId)


class Regions(Generic[P]):
    """See the module. `k`: peers that a lookup gives where there are as many. No clock."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._regions: OrderedDict[tuple[int, int], tuple[float, list[P]]] = OrderedDict()
        self._sizes: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._regions)

    def learn(self, target: bytes, closest: Sequence[P], now_s: float) -> None:
        """A lookup of `target` converged with these peers, the closest first."""
        if not closest:
            return
        goal = int.from_bytes(target, "big")
        bits = 0
        if len(closest) >= self._k:
            farthest = goal ^ int.from_bytes(closest[-1].id, "big")
            bits = min(_BITS - farthest.bit_length() + 1, _BITS)
        prefix = goal >> (_BITS - bits)
        members = [peer for peer in closest if int.from_bytes(peer.id, "big") >> (_BITS - bits) == prefix]
        self._drop((bits, prefix))
        self._regions[bits, prefix] = (now_s + REGION_S, members)
        self._sizes[bits] = self._sizes.get(bits, 0) + 1
        if len(self._regions) > REGIONS:
            self._drop(next(iter(self._regions)))

    def is_whole(self, now_s: float) -> bool:
        """Whether one lookup has found the whole network, lately."""
        there = self._regions.get((0, 0))
        return there is not None and there[0] > now_s

    def closest(self, address: bytes, count: int, now_s: float) -> list[P] | None:
        """All peers known to be around the address, the closest first; None where they may not be `count`, or old.

        A whole network has fewer than `count` where it is smaller.
        """
        goal = int.from_bytes(address, "big")
        for bits in self._sizes:
            key = (bits, goal >> (_BITS - bits))
            there = self._regions.get(key)
            if there is None:
                continue
            until_s, members = there
            if until_s <= now_s:
                self._drop(key)
                return self.closest(address, count, now_s)
            if len(members) >= count or not bits:
                return sorted(members, key=lambda peer: int.from_bytes(peer.id, "big") ^ goal)
        return None

    def _drop(self, key: tuple[int, int]) -> None:
        if self._regions.pop(key, None) is not None:
            self._sizes[key[0]] -= 1
            if not self._sizes[key[0]]:
                del self._sizes[key[0]]
