"""Records, putters and bounds for the tests of stores. Nothing here is really signed: stores do not look."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from mdht import limits
from mdht.model import Content, Kind, Signed
from mdht.store import Putter, StoreLimits
from mdht.store.entry import OVERHEAD_BYTES

NOW_S = 1_800_000_000.0
DAY_S = 86_400

OWNERS = [sha256(b"owner %d" % number).digest() for number in range(100)]
PEERS = [Putter(sha256(b"peer %d" % number).digest(), f"192.0.{number // 2}.0/24") for number in range(10)]
"""Two of each subnet."""


def content(value: bytes) -> Content:
    return Content.make(value)


def owned(
    key: bytes = b"key",
    value: bytes | None = b"value",
    *,
    owner: int = 0,
    sequence: int = 1,
    expires_s: float = NOW_S + DAY_S,
    kind: Kind = Kind.OWNED,
) -> Signed:
    return Signed(kind, "net", key, OWNERS[owner], value, sequence, int(expires_s), bytes(64))


def named(
    key: bytes = b"name",
    value: bytes | None = b"value",
    *,
    owner: int = 0,
    sequence: int = 1,
    expires_s: float = NOW_S + DAY_S,
) -> Signed:
    return owned(key, value, owner=owner, sequence=sequence, expires_s=expires_s, kind=Kind.OPEN)


def cost(record: Content | Signed) -> int:
    """What it counts for."""
    return len(record.pack()) + OVERHEAD_BYTES


def bounds(
    total: int = 1 << 30,
    owner: int = 1 << 30,
    peer: int = 1 << 30,
    subnet: int = 1 << 30,
    names: int = limits.OPEN_OWNERS,
    lease_s: int = DAY_S,
) -> StoreLimits:
    return StoreLimits(total, owner, peer, subnet, names, lease_s)


@contextmanager
def quick_directory() -> Iterator[str]:
    """A directory in memory where there is one: these tests are not about the disk, and an fsync takes milliseconds."""
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else None) as directory:
        yield directory
