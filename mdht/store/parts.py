"""How a store is divided: each part keeps a range of addresses, all equally long, in the order of addresses.

Addresses are hashes, so the parts fill evenly. A range, not a remainder, because everything that goes through a store
goes in the order of addresses: a scan is the parts' scans one after the other, a newcomer's region lies in one part or
few, and a part that is made from others is filled from its first address to its last.

Every share of a divided store is divided alike: what one owner, peer or subnet puts is spread by its addresses like all
else, so of each share a part grants its fraction. Who puts few but large records may meet a part's fraction a little
before the whole would have been full. An open name has one address, so its owners are counted in one part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..limits import HASH_BYTES, RECORD_BYTES
from .quota import StoreLimits

MOST_PARTS: Final = 1024
"""As many shards as a placement may have."""

LEAST_BYTES: Final = RECORD_BYTES + 4096
"""The least share that a part grants: room for one record, as `StoreLimits.faults` has it."""

_POINT_BYTES: Final = 4


def point_of(address: bytes) -> int:
    """Where an address lies, from 0 to 2**32 - 1: its first bytes."""
    return int.from_bytes(address[:_POINT_BYTES], "big")


def part_of(address: bytes, parts: int) -> int:
    """Which of `parts` parts keeps what is at an address."""
    return int.from_bytes(address[:_POINT_BYTES], "big") * parts >> 32


def first_address(part: int, parts: int) -> bytes:
    """The first address of a part."""
    return _first_point(part, parts).to_bytes(_POINT_BYTES, "big") + bytes(HASH_BYTES - _POINT_BYTES)


def last_address(part: int, parts: int) -> bytes:
    """The last address of a part."""
    last = _first_point(part + 1, parts) - 1
    return last.to_bytes(_POINT_BYTES, "big") + b"\xff" * (HASH_BYTES - _POINT_BYTES)


def share_of(limits: StoreLimits, parts: int) -> StoreLimits:
    """What one of `parts` parts grants of the bounds of the whole store."""
    if parts == 1:
        return limits
    names = ("total_bytes", "owner_bytes", "peer_bytes", "subnet_bytes")
    return replace(limits, **{name: max(LEAST_BYTES, getattr(limits, name) // parts) for name in names})


def part_path(path: str, part: int, parts: int) -> str:
    """The directory of a part; of a store in one part, `path` itself."""
    return path if parts == 1 else f"{path}.{part}-of-{parts}"


def part_paths(path: str, parts: int) -> list[str]:
    """The directories of all parts."""
    return [part_path(path, part, parts) for part in range(parts)]


def _first_point(part: int, parts: int) -> int:
    return -(-(part << 32) // parts)
