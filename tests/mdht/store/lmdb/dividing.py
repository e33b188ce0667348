"""Stores with records of all kinds, to be divided; and a process that divides one, slowly enough to be killed.

`python -m tests.mdht.store.lmdb.dividing <path> <parts>` says a line after each page, and `done` at the end.
"""

from __future__ import annotations

import os
import random
import sys
from dataclasses import replace

from mdht.model import Kind
from mdht.model.record import Record
from mdht.store import Held, StoreLimits
from mdht.store.entry import owner_of, slot_of
from mdht.store.lmdb import LmdbStore, read_layout, settle
from mdht.store.lmdb import store as store_module
from mdht.store.parts import part_of, part_path, share_of

from ..making import DAY_S, NOW_S, PEERS, content, named, owned

BOUNDS = StoreLimits()


def records(seed: int, count: int) -> list[Record]:
    """Content, owned records, tombstones, and open names with several owners, some short-lived."""
    draw = random.Random(seed)
    found: list[Record] = []
    for number in range(count):
        kind = draw.randrange(4)
        key, value = b"%d/%d" % (seed, number), draw.randbytes(draw.randrange(1, 400))
        until_s = NOW_S + draw.choice((1, DAY_S))
        if kind == 0:
            found.append(content(key + value))
        elif kind == 1:
            found.append(owned(key, value, owner=draw.randrange(9), sequence=draw.randrange(1, 9), expires_s=until_s))
        elif kind == 2:
            found.append(owned(key, None, owner=draw.randrange(9), sequence=2, expires_s=until_s))
        else:
            name = b"name %d" % draw.randrange(1 + count // 20)
            owner = draw.randrange(60)
            found.append(replace(named(name, value, owner=owner), kind=Kind.OPEN))
    return found


def fill(path: str, parts: int, what: list[Record], seed: int = 0) -> None:
    """Put them, each for some peer or for nobody, into the parts that there are."""
    draw = random.Random(seed)
    for part in range(parts):
        mine = [one for one in what if part_of(slot_of(one)[:32], parts) == part]
        with LmdbStore(part_path(path, part, parts), share_of(BOUNDS, parts)) as store, store.begin_batch() as batch:
            for one in mine:
                batch.put(one, NOW_S - draw.randrange(9), draw.choice((None, *PEERS)), lease_s=draw.choice((5, DAY_S)))


def everything(path: str) -> dict[bytes, Held]:
    """Every slot of all parts. Fails where one is in a part that is not its own, or in two."""
    found: dict[bytes, Held] = {}
    parts = read_layout(path).parts
    for part in range(parts):
        directory = part_path(path, part, parts)
        if not os.path.isdir(directory):
            continue
        with LmdbStore(directory, readonly=True) as store:
            for slot, held in slots_of(store):
                assert part_of(slot, parts) == part and slot not in found
                found[slot] = held
    return found


def slots_of(store: LmdbStore) -> list[tuple[bytes, Held]]:
    """All of them."""
    found: list[tuple[bytes, Held]] = []
    while page := store.raw_page(bytes(32), b"\xff" * 32, found[-1][0] if found else None):
        found += page
    return found


def check_indices(path: str) -> None:
    """Accounts, expiry index and owner index say what a store says that was made of the same records one by one."""
    parts = read_layout(path).parts
    for part in range(parts):
        with LmdbStore(part_path(path, part, parts)) as store:
            slots = slots_of(store)
            numbers = store.stats()
            assert numbers.records == len(slots) == store.entries()
            assert numbers.bytes == sum(held.cost_bytes for _, held in slots)
            for owner in {owner_of(held.record) for _, held in slots} - {b""}:
                mine = [slot[:32] for slot, held in slots if owner_of(held.record) == owner]
                assert store.owned_by(owner, 1 << 20) == sorted(mine)
            assert store.next_expiry_s() == min((held.until_s for _, held in slots), default=None)
            gone = store.expire(NOW_S + 99 * DAY_S, 1 << 20)
            assert sorted(one.address for one in gone) == sorted(slot[:32] for slot, _ in slots)
            assert accounts(store) == {}


def accounts(store: LmdbStore) -> dict[bytes, bytes]:
    """What every account has."""
    environment = store._environment
    txn = environment.begin_read()
    try:
        with txn.cursor(environment.databases.usage) as cursor:
            return {bytes(key): bytes(value) for key, value in cursor}
    finally:
        environment.end_read(txn)


def say(line: bytes) -> None:
    os.write(1, line + b"\n")


if __name__ == "__main__":
    store_module.RAW_PAGE = 16  # type: ignore[misc]
    settle(sys.argv[1], int(sys.argv[2]), lambda progress: say(b"%d" % progress.done))
    say(b"done")
