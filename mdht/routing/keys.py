"""Ids and distances: 32 bytes, the XOR metric, shared leading bits (Maymounkov & Mazières 2002, section 2.1).

Inside this package an id is its big-endian integer, because one XOR of two integers costs 40 ns and a sort key needs no
call; at every public edge it is 32 bytes.
"""

from __future__ import annotations

from typing import Final

from ..limits import HASH_BYTES

ID_BYTES: Final = HASH_BYTES

ID_BITS: Final = 8 * ID_BYTES


def to_int(key: bytes) -> int:
    """The integer of a 32-byte id. Raises ValueError for any other length, which is the caller's mistake."""
    if len(key) != ID_BYTES:
        raise ValueError(f"an id is {ID_BYTES} bytes, not {len(key)}: check it when it is decoded")
    return int.from_bytes(key, "big")


def to_bytes(number: int) -> bytes:
    """The 32 bytes of an id given as an integer."""
    return number.to_bytes(ID_BYTES, "big")


def distance(one: bytes, other: bytes) -> int:
    """XOR distance, 0 to 2**256 - 1. Raises ValueError for a wrong length."""
    return to_int(one) ^ to_int(other)


def shared_bits(one: int, other: int) -> int:
    """Leading bits that two ids share, 0 to 256; the index of the bucket of one in the table of the other."""
    return ID_BITS - (one ^ other).bit_length()
