#!/usr/bin/env python3
"""Puts a second and their CPU with the store in one process, and in several, on LMDB.

    scripts/bench/store_parts.py                        1 and 2 processes, content and owned records of 256 bytes
    scripts/bench/store_parts.py --parts 1,2,4 --seconds 5 --in-flight 512 --json
    scripts/bench/store_parts.py --directory DIR        on the disk that this is on (default: the temporary directory)

One maker puts ready-made records, so many in flight; each is verified, written and synced before it is acknowledged.
Owned records cost the store a signature check each, content a hash. `a sync` is how many records one fsync made
durable. With as many CPUs as the maker and the stores together the rate is that of the machine; with fewer they share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cpu import snapshot, spent
from ipc import Bounds, Client, Supervisor
from machine import machine
from mdht.model import Content, Identity, Kind, Record, Signed
from mdht.services.commands import Put, Serve
from mdht.services.store.commands import StoreNumbers
from mdht.services.store.parts import settled, total
from mdht.services.store.service import StoreService
from mdht.services.surroundings import Surroundings
from mdht.store import StoreLimits
from table import number, table

NETWORK = "bench"
ROOM = StoreLimits(total_bytes=64 << 30, owner_bytes=64 << 30)


@dataclass(frozen=True)
class Cell:
    """One measurement."""

    parts: int
    kind: str
    puts_s: float
    store_cpu_us: float
    """A put, all store processes together."""
    maker_cpu_us: float
    records_a_sync: float
    syncs_s: float
    records: int
    even: float
    """Records of the fullest part over those of the emptiest."""


def made(kind: str, count: int, size: int) -> list[Serve]:
    """So many puts of different records."""
    identity, now_s = Identity.from_seed(bytes(32)), time.time()

    def record(at: int) -> Record:
        value = at.to_bytes(8, "big") * (size // 8)
        if kind == "content":
            return Content.make(value)
        expires_s = int(now_s) + 86_400
        return Signed.sign(
            identity, NETWORK, Kind.OWNED, b"%d" % at, value, sequence=1, expires_s=expires_s, now_s=now_s
        )

    return [Serve(Put(record(at).pack())) for at in range(count)]


async def measure(parts: int, kind: str, puts: list[Serve], options: argparse.Namespace, directory: str) -> Cell:
    """One placement, one kind."""
    path = f"{directory}/{kind}-{parts}"
    await settled(path, parts)
    async with Supervisor() as tree:
        service = StoreService(NETWORK, path, ROOM.total_bytes, Surroundings(), ROOM)
        await tree.aadd("store", service, f"process:{parts}", bounds=Bounds(1 << 16, 256 << 20))
        client = await tree.aclient("store")
        pids = [one.pid for one in psutil.Process().children(recursive=True)]
        warm, work = puts[: options.in_flight], iter(puts[options.in_flight :])
        await asyncio.gather(*(client.acall(one) for one in warm))
        before, began_s = snapshot(pids), time.perf_counter()
        until_s = began_s + options.seconds
        counts = await asyncio.gather(*(worker(client, work, until_s) for _ in range(options.in_flight)))
        took_s, after = time.perf_counter() - began_s, snapshot(pids)
        each = [await client.acall(StoreNumbers(part)) for part in range(parts)]
        await client.aclose()
    done, whole = sum(counts), total(each)
    if done == len(puts) - len(warm):
        print(f"{kind}: {done:,} records were not enough for {options.seconds:g} s", file=sys.stderr)
    maker = after[0] - before[0]
    return Cell(
        parts=parts,
        kind=kind,
        puts_s=done / took_s,
        store_cpu_us=(spent(before, after) - maker) / done * 1e6,
        maker_cpu_us=maker / done * 1e6,
        records_a_sync=whole.stored / whole.commits,
        syncs_s=done / took_s * whole.commits / whole.stored,
        records=whole.records,
        even=max(one.records for one in each) / max(1, min(one.records for one in each)),
    )


async def worker(client: Client, work: Iterator[Serve], until_s: float) -> int:
    """One put after the other until the time is over, or there are no more; how many."""
    done = 0
    for put in work:
        await client.acall(put, 30.0)
        done += 1
        if time.perf_counter() > until_s:
            break
    return done


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="1,2", help="numbers of store processes (1,2)")
    parser.add_argument("--kinds", default="content,owned", help="kinds of records (content,owned)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (5)")
    parser.add_argument("--in-flight", type=int, default=256, help="puts at a time (256)")
    parser.add_argument("--size", type=int, default=256, help="bytes of a value (256)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the one in the middle is shown (3)")
    parser.add_argument("--records", type=int, default=120_000, help="made for each measurement (120000)")
    parser.add_argument("--directory", help="where the stores are made, and removed")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args(arguments)
    cells: list[Cell] = []
    for kind in options.kinds.split(","):
        puts = made(kind, options.records, options.size)
        rounds: dict[int, list[Cell]] = {int(parts): [] for parts in options.parts.split(",")}
        for _ in range(options.rounds):  # in turn, so that what else the machine does is shared by all
            for parts, done in rounds.items():
                with tempfile.TemporaryDirectory(dir=options.directory) as directory:
                    done.append(asyncio.run(measure(parts, kind, puts, options, directory)))
        cells += [sorted(done, key=lambda cell: cell.puts_s)[len(done) // 2] for done in rounds.values()]
    if options.json:
        print(json.dumps({"machine": machine(), "options": vars(options), "cells": [asdict(one) for one in cells]}))
        return 0
    rows = [
        [
            f"{one.kind}, {one.parts}",
            number(one.puts_s),
            number(one.store_cpu_us),
            number(one.maker_cpu_us),
            number(one.records_a_sync),
            number(one.syncs_s),
            f"{one.even:.2f}",
        ]
        for one in cells
    ]
    header = ["kind, processes", "puts/s", "store CPU µs", "maker CPU µs", "a sync", "syncs/s", "uneven"]
    print(table(header, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
