"""Which records were put here of late, in a few bytes a record: those need not be put to the others again.

When one of a record's replicas puts it to all others, these have nothing to do for the rest of the period (Kademlia,
section 2.5), but a time for each of millions of records would be dear. So two Bloom filters (Bloom 1970), one for each
half of a period; at the end of a half the older one is emptied. What was put is known for a half to a whole period.
A wrong yes, a few in a hundred where a million records were put, leaves one record to its other replicas for a period.

The bits of a filter come from the slot itself, which is a hash already; mixed with `salt`, so that no two nodes are
wrong about the same record. Not thread-safe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from ipc import sendable

BITS: Final = 1 << 23
"""Bits of one filter: 1 MiB, 8 bits for each of a million records in half a period. What is not written takes none."""

_WORDS: Final = Struct(">4I").unpack_from
"""Four bits a record: near the best for 6 to 8 bits a record, and 2 % wrong with a million of them."""

_MASK: Final = BITS - 1


def _empty() -> bytearray:
    return bytearray(BITS // 8)


@sendable("mdht.recent")
@dataclass(slots=True)
class Recent:
    """Slots (see `entry`) that were put in the last `period_s` seconds, at least in its latest half."""

    period_s: float
    since_s: float
    """When the newer half began."""
    salt: int = 0
    """128 bits."""
    newer: bytearray = field(default_factory=_empty)
    older: bytearray = field(default_factory=_empty)

    def __post_init__(self) -> None:
        """Where it comes from another process, its bits may have come as bytes."""
        if not isinstance(self.newer, bytearray):
            self.newer = bytearray(self.newer)
        if not isinstance(self.older, bytearray):
            self.older = bytearray(self.older)

    def add(self, slot: bytes, now_s: float) -> None:
        """It was put."""
        self._turn(now_s)
        newest = self.newer
        for bit in self._bits(slot):
            newest[bit >> 3] |= 1 << (bit & 7)

    def has(self, slot: bytes, now_s: float) -> bool:
        """Whether it was."""
        self._turn(now_s)
        bits = self._bits(slot)
        return any(all(one[bit >> 3] >> (bit & 7) & 1 for bit in bits) for one in (self.newer, self.older))

    def _bits(self, slot: bytes) -> tuple[int, int, int, int]:
        a, b, c, d = _WORDS(slot)
        if len(slot) > 32:
            e, f, g, h = _WORDS(slot, 32)
            a, b, c, d = a ^ e, b ^ f, c ^ g, d ^ h
        s, t, u, v = _WORDS(self.salt.to_bytes(16, "big"))
        return (a ^ s) & _MASK, (b ^ t) & _MASK, (c ^ u) & _MASK, (d ^ v) & _MASK

    def _turn(self, now_s: float) -> None:
        half_s = self.period_s / 2
        if now_s - self.since_s < half_s:
            return
        self.older = self.newer if now_s - self.since_s < 2 * half_s else _empty()
        self.newer = _empty()
        self.since_s = now_s
