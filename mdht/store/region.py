"""A range of distances from a centre, as the ranges of addresses that it is made of.

A new peer is handed what lies within some distance (XOR) of it, while stores keep addresses in their own order. A block
of 2**i distances that begins at a multiple of 2**i is a block of as many addresses side by side, so a range of
distances falls apart into at most 2 * 256 ranges of addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ..limits import HASH_BYTES

SPACE: Final = 1 << (8 * HASH_BYTES)
"""Number of addresses, and one more than the largest distance."""


@dataclass(frozen=True)
class Region:
    """Addresses whose distance from `centre` (32 bytes) is at least `low` and below `high`; all, by default."""

    centre: bytes = bytes(HASH_BYTES)
    low: int = 0
    high: int = SPACE

    def __post_init__(self) -> None:
        """Raises ValueError, saying what is needed."""
        if len(self.centre) != HASH_BYTES:
            raise ValueError(f"centre: {HASH_BYTES} bytes are needed, not {len(self.centre)}")
        if not 0 <= self.low <= self.high <= SPACE:
            raise ValueError("0 <= low <= high <= 2**256 is needed")

    @classmethod
    def sharing(cls, centre: bytes, bits: int) -> Region:
        """Addresses that share at least `bits` leading bits with the centre."""
        return cls(centre, 0, SPACE >> bits)

    def __contains__(self, address: bytes) -> bool:
        return self.low <= int.from_bytes(address, "big") ^ int.from_bytes(self.centre, "big") < self.high

    @cached_property
    def ranges(self) -> list[tuple[bytes, bytes]]:
        """First and last address of each range, in the order of addresses; neighbours are one range."""
        centre = int.from_bytes(self.centre, "big")
        blocks: list[tuple[int, int]] = []
        at = self.low
        while at < self.high:
            size = at & -at if at else SPACE
            while size > self.high - at:
                size >>= 1
            first = (centre ^ at) & ~(size - 1)
            blocks.append((first, first + size - 1))
            at += size
        blocks.sort()
        joined: list[tuple[int, int]] = []
        for first, last in blocks:
            if joined and joined[-1][1] + 1 == first:
                joined[-1] = (joined[-1][0], last)
            else:
                joined.append((first, last))
        return [(first.to_bytes(HASH_BYTES, "big"), last.to_bytes(HASH_BYTES, "big")) for first, last in joined]


EVERYTHING: Final = Region()
