"""What was acknowledged is there, whenever the writing process is killed.

A SIGKILL shows that a batch is whole or absent and that the file is never left unusable. It does not show what a loss
of power would: the kernel keeps what was written. That commits are synchronous is checked with the store's own tests.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

from mdht.model import Signed

from .lmdb_process import LmdbProcess, kill
from .lmdb_writer import KEYS, NOW_S, open_store, record

KILLS = 20


def check(directory: Path, acknowledged: int) -> int:
    """Open what was left; every acknowledged record must be there. Returns the number of the next to be put."""
    with open_store(str(directory)) as store:
        last: dict[bytes, int] = {}
        for number in range(acknowledged):
            last[record(number).address] = number
        for address, number in last.items():
            held = store.get(address, NOW_S)
            assert held is not None, f"record {number} of {acknowledged} acknowledged is lost"
            signed = held.record
            assert isinstance(signed, Signed)
            assert signed.sequence >= record(number).sequence, f"record {number} is an older version"
        everything, after = list[Signed](), None
        while True:
            page = store.scan(NOW_S, after=after)
            everything += [held.record for held in page.held if isinstance(held.record, Signed)]
            after = page.after
            if after is None:
                break
        numbers = {(signed.sequence - 1) * KEYS + int(signed.key) for signed in everything}
        assert all(signed == record((signed.sequence - 1) * KEYS + int(signed.key)) for signed in everything)
        following = max(numbers, default=-1) + 1
        assert acknowledged <= following <= acknowledged + 23, "of the batch that was killed, all or nothing"
        assert numbers == set(range(max(0, following - KEYS), following))
        stats = store.stats()
        assert stats.records == len(everything)
        assert stats.bytes == sum(len(signed.pack()) + 256 for signed in everything)
        assert len(store.owned_by(b"o" * 32, count=10_000)) == len(everything)
        return following


def test_acknowledged_batches_survive_kill(tmp_path: Path) -> None:
    draw = random.Random(1)
    following, commits, partial = 0, 0, 0
    with LmdbProcess("write", tmp_path / "store") as writers:
        for _ in range(KILLS):
            acknowledged = following
            writers.say(following)
            word, pid = writers.hear().split()
            assert word == "pid"
            time.sleep(draw.uniform(0.0, 0.08))
            kill(int(pid))
            while (line := writers.hear()) != "dead":
                word, number = line.split()
                assert word == "next"
                acknowledged = int(number)
                commits += 1
            following = check(tmp_path / "store", acknowledged)
            partial += following != acknowledged
        assert writers.end() == 0
    print(f"{KILLS} kills, {commits} commits, {following} records; {partial} commits done but not yet said")
    assert commits > KILLS
