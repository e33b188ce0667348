"""Which records were put here of late, in a few bytes a record: those need not be put to the others again.

When one of a record's replicas puts it to all others, these have nothing to do for the rest of the period (Kademlia,
section 2.5), but a time for each of millions of records would be dear. So two Bloom filters (Bloom 1970), one for each
half of a period; at the end of a half the older one is emptied. What was put is known for a half to a whole period.
A wrong yes, a few in a hundred where a million records were put, leaves one record to its other replicas for a period.

The bits of a filter come from the slot itself, which is a hash already; mixed with `salt`, so that no two nodes are
wrong about the same record. Not thread-safe.
"""

from __future__ import annotations

from typing import Final

BITS: Final = 1 << 23
"""Bits of one filter: 1 MiB, 8 bits for each of a million records in half a period. What is not written takes none."""

PROBES: Final = 4
"""Bits a record: near the best for 6 to 8 bits a record, and 2 % wrong with a million of them."""


class Recent:
    """Slots (see `entry`) that were put in the last `period_s` seconds, at least in its latest half."""

    __slots__ = ("_filters", "_half_s", "_salt", "_since_s")

    def __init__(self, period_s: float, now_s: float, salt: int = 0) -> None:
        self._half_s = period_s / 2
        self._since_s = now_s
        self._salt = salt & ((1 << 128) - 1)
        self._filters = (bytearray(BITS // 8), bytearray(BITS // 8))

    def add(self, slot: bytes, now_s: float) -> None:
        """It was put."""
        self._turn(now_s)
        newest = self._filters[0]
        for bit in self._bits(slot):
            newest[bit >> 3] |= 1 << (bit & 7)

    def has(self, slot: bytes, now_s: float) -> bool:
        """Whether it was."""
        self._turn(now_s)
        bits = self._bits(slot)
        return any(all(one[bit >> 3] >> (bit & 7) & 1 for bit in bits) for one in self._filters)

    def _bits(self, slot: bytes) -> list[int]:
        mixed = int.from_bytes(slot[:16], "big") ^ self._salt
        if len(slot) > 32:
            mixed ^= int.from_bytes(slot[32:48], "big")
        return [(mixed >> (32 * at)) % BITS for at in range(PROBES)]

    def _turn(self, now_s: float) -> None:
        if now_s - self._since_s < self._half_s:
            return
        older = bytearray(BITS // 8) if now_s - self._since_s >= 2 * self._half_s else self._filters[0]
        self._filters = (bytearray(BITS // 8), older)
        self._since_s = now_s
