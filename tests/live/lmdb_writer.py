"""The other side of the tests of LMDB with processes: `python -m tests.live.lmdb_writer <what> <directory>`.

`write` forks a writer for each line it reads, so that a killed one is replaced in milliseconds; `read` reads until its
input ends; `hold` opens for writing and waits. What they have to say they say on standard output, a line each.
"""

from __future__ import annotations

import os
import select
import sys

from mdht.model import Kind, Signed
from mdht.store import Putter, StoreLimits
from mdht.store.lmdb import LmdbStore

NOW_S = 1_800_000_000.0
EXPIRES_S = int(NOW_S) + 86_400
KEYS = 500
"""Records are versions of so many keys, so pages are replaced, not only added."""

FIRST_MAP_BYTES = 256 << 10
BOUNDS = StoreLimits()
PUTTER = Putter(b"p" * 32, "192.0.2.0/24")


def record(number: int) -> Signed:
    """The record with this number, the same in every process; each key has rising sequences."""
    key, value = b"%d" % (number % KEYS), number.to_bytes(4, "big") * (1 + number % 300)
    return Signed(Kind.OWNED, "net", key, b"o" * 32, value, 1 + number // KEYS, EXPIRES_S, bytes(64))


def open_store(directory: str, readonly: bool = False) -> LmdbStore:
    return LmdbStore(directory, BOUNDS, readonly=readonly, first_map_bytes=FIRST_MAP_BYTES)


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def write(directory: str, number: int) -> None:
    """Put in batches from this number on, for ever, and say the next number after each commit."""
    with open_store(directory) as store:
        say(f"pid {os.getpid()}")
        while True:
            with store.begin_batch() as batch:
                for _ in range(1 + number % 23):
                    batch.put(record(number), NOW_S, PUTTER)
                    number += 1
            say(f"next {number}")


def serve_writers(directory: str) -> None:
    """For each number that is read: fork a writer that begins there, wait for its end, say so."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                write(directory, int(line))
            finally:
                os._exit(1)
        os.waitpid(pid, 0)
        say("dead")


def read(directory: str) -> None:
    """Read all the time; at the end of the input say how often the map was found grown, and what was seen last."""
    reads = 0
    with open_store(directory, readonly=True) as store:
        say("open")
        while not select.select([sys.stdin], [], [], 0)[0]:
            page = store.scan(NOW_S, count=50)
            for held in page.held:
                signed = held.record
                assert isinstance(signed, Signed)
                again = store.get(signed.address, NOW_S)
                assert again is not None, "what was there is there"
                newer = again.record
                assert isinstance(newer, Signed)
                assert newer.sequence >= signed.sequence
            reads += 1
        stats = store.stats()
        say(f"reads {reads} growths {stats.growths} records {stats.records} map {stats.map_bytes}")


def hold(directory: str) -> None:
    with open_store(directory):
        say("open")
        sys.stdin.read()


if __name__ == "__main__":
    {"write": serve_writers, "read": read, "hold": hold}[sys.argv[1]](sys.argv[2])
