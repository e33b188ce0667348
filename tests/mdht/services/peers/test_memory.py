"""The file of remembered peers by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdht.limits import EXPIRES_S
from mdht.model import Address, Identity, PeerRecord, VerifiedPeers
from mdht.routing import Contact, RoutingTable
from mdht.services.peers.memory import REMEMBERED, SAVE_S, PeerMemory

WALL_S = 1_800_000_000.0
OWN = bytes(32)


def record(number: int, keep_s: int = EXPIRES_S) -> PeerRecord:
    identity = Identity.from_seed(number.to_bytes(32, "big"))
    address = Address("tcp", "127.0.0.1", 7000 + number)
    return PeerRecord.sign(
        identity, "mdht", sequence=1, expires_s=int(WALL_S) + keep_s, now_s=WALL_S, addresses=[address]
    )


def table(records: list[PeerRecord]) -> RoutingTable:
    """Known since 0, 1, 2 … seconds, in that order."""
    made = RoutingTable(OWN, 0.0)
    for at, one in enumerate(records):
        made.seen(Contact(one.id, "127.0.0.1", one.addresses[0].port, one.pack()), float(at))
    return made


def load(memory: PeerMemory, wall_s: float = WALL_S) -> list[PeerRecord]:
    return memory.load(VerifiedPeers("mdht", 1_000), wall_s)


def test_those_known_longest_come_first(tmp_path: Path) -> None:
    records = [record(number) for number in range(1, 8)]
    memory = PeerMemory(str(tmp_path / "peers"), OWN)
    memory.keep(table(records), 100.0, WALL_S, last=True)
    assert load(memory) == records
    assert [one.name for one in tmp_path.iterdir()] == ["peers"]


def test_expired_and_foreign_ones_and_ourselves_are_left_out(tmp_path: Path) -> None:
    records = [record(1), record(2, keep_s=60), record(3)]
    PeerMemory(str(tmp_path / "peers"), OWN).keep(table(records), 100.0, WALL_S, last=True)
    memory = PeerMemory(str(tmp_path / "peers"), record(3).id)
    assert load(memory, WALL_S + 100) == [record(1)]
    assert PeerMemory(str(tmp_path / "peers"), OWN).load(VerifiedPeers("other", 10), WALL_S) == []


def test_no_more_than_may_be(tmp_path: Path) -> None:
    records = [record(number) for number in range(1, REMEMBERED + 40)]
    routing = table(records)
    memory = PeerMemory(str(tmp_path / "peers"), OWN)
    memory.keep(routing, 100.0, WALL_S, last=True)
    assert len(load(memory)) == min(len(routing), REMEMBERED)


def test_it_is_written_when_something_changed_and_not_too_often(tmp_path: Path) -> None:
    path = tmp_path / "peers"
    memory = PeerMemory(str(path), OWN)
    routing = table([record(1)])
    memory.keep(routing, 1.0, WALL_S)
    assert not path.exists()
    memory.keep(routing, SAVE_S, WALL_S)
    first = path.stat().st_ino
    memory.keep(routing, 3 * SAVE_S, WALL_S)
    assert path.stat().st_ino == first
    routing.seen(Contact(record(2).id, "127.0.0.1", 7002, record(2).pack()), 2.0)
    memory.keep(routing, 3 * SAVE_S, WALL_S)
    assert path.stat().st_ino != first


def test_an_empty_table_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    memory = PeerMemory(str(tmp_path / "peers"), OWN)
    memory.keep(table([record(1)]), 1.0, WALL_S, last=True)
    memory.keep(RoutingTable(OWN, 0.0), 2.0, WALL_S, last=True)
    assert load(memory) == [record(1)]


def test_a_directory_that_is_gone_is_told_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    memory = PeerMemory(str(tmp_path / "gone" / "peers"), OWN)
    memory.keep(table([record(1)]), 1.0, WALL_S, last=True)
    assert "cannot be written" in caplog.text
    assert load(memory) == []
