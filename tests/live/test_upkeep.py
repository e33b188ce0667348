"""On real disks and sockets: a full disk, a damaged file, a restart, names of hosts, a copied identity."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ipc.loops import new_loop
from mdht.config import Config
from mdht.errors import LinkRefused, TooFewReplicas
from mdht.model import Content, Kind, address_of
from mdht.node import Node
from mdht.store import StoreCorrupt
from mdht.store.lmdb import LmdbStore

WAIT_S = 15.0


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so; the bound is for a loaded machine."""
    deadline_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline_s, "it did not come about"
        time.sleep(0.02)


def lmdb(path: Path) -> Config:
    return Config(data_dir=str(path), store="lmdb", door=False)


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond that: as on a full disk, a write fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_fails_that_put_and_the_node_goes_on(tmp_path: Path) -> None:
    with Node(lmdb(tmp_path)) as node:
        first = node.put(b"before", replicas=1)
        size = os.path.getsize(tmp_path / "store" / "data.mdb")
        with files_of_at_most(size), pytest.raises(TooFewReplicas, match=r"nothing was stored in .*make room"):
            for number in range(50):
                node.put(b"%d" % number + bytes(60_000), replicas=1)
        assert node.get(first.key).value == b"before"
        again = node.put(b"after" + bytes(60_000), replicas=1)
        assert node.get(again.key).value[:5] == b"after"
    with Node(lmdb(tmp_path)) as node:
        assert node.get(first.key).value == b"before"
        assert node.get(again.key).value[:5] == b"after"


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_store_is_named_when_the_node_starts(damage: str, tmp_path: Path) -> None:
    with Node(lmdb(tmp_path)) as node:
        for number in range(50):
            node.put(b"%d" % number + bytes(3_000), replicas=1)
    file = tmp_path / "store" / "data.mdb"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2] if damage == "cut" else os.urandom(len(data)))
    with pytest.raises(StoreCorrupt, match="move the directory away") as caught:
        Node(lmdb(tmp_path)).start()
    assert str(tmp_path / "store") in str(caught.value)


def test_the_map_grows_under_load(tmp_path: Path) -> None:
    with Node(lmdb(tmp_path)) as node:
        value = bytes(60_000)
        before = node.stats().store.map_bytes
        for part in range(13):
            puts = [node.put_future(b"%d %d" % (part, at) + value, replicas=1) for at in range(100)]
            keys = [put.result(30).key for put in puts]
            assert node.get(keys[part]).value.endswith(value)
        stats = node.stats().store
        assert stats.records == 1_300
        assert stats.growths >= 1
        assert stats.map_bytes > before


def test_what_its_user_put_is_remembered_over_a_restart(tmp_path: Path) -> None:
    with Node() as other:
        with Node(lmdb(tmp_path)) as node:
            node.connect(other.address)
            node.put(b"content")
            node.put(b"one", key=b"k")
            node.put(b"two", key=b"k")
            owner = node.public
        with LmdbStore(tmp_path / "store-own", readonly=True) as own:
            assert own.get(Content(b"content").address, time.time()) is not None
            held = own.get(address_of(Kind.OWNED, b"k", owner), time.time())
            assert held is not None
            assert held.record.value == b"two"
        with Node(lmdb(tmp_path)) as node:
            assert node.get(b"k", kind=Kind.OWNED).value == b"two"


def test_remembered_peers_are_dialled_without_seeds(tmp_path: Path) -> None:
    config = replace(lmdb(tmp_path), store="memory")
    with Node() as one, Node() as two:
        two.connect(one.address)
        with Node(replace(config, seeds=(one.address,))) as node:
            until(lambda: len(node.peers()) == 2)
        with Node(config) as node:
            until(lambda: {peer.id for peer in node.peers()} == {one.id, two.id})


@pytest.fixture(scope="session")
def resolver() -> None:
    """uvloop resolves names on libuv's threads, four for the whole process, which stay: have them first."""
    loop = new_loop()
    loop.run_until_complete(loop.getaddrinfo("localhost", 1))
    loop.close()


def test_a_seed_may_be_the_name_of_a_host(resolver: None) -> None:
    with Node() as one:
        port = one.addresses[0].rpartition(":")[2]
        with Node(Config(seeds=(f"localhost:{port}",))) as node:
            until(lambda: [peer.id for peer in node.peers()] == [one.id])
        with Node(Config(seeds=(f"{one.id.hex()}@localhost:{port}",))) as node:
            until(lambda: [peer.id for peer in node.peers()] == [one.id])


def test_a_node_with_a_copied_identity_is_refused_and_knows_it() -> None:
    with Node() as other, Node() as first:
        first.connect(other.address)
        with Node(identity=first.identity) as second:
            with pytest.raises(LinkRefused, match="duplicate"):
                second.connect(other.address)
            assert second.stats().peers.twins == 1
            with pytest.raises(LinkRefused, match="a copy of its identity key"):
                second.connect(first.addresses[0])
        assert [peer.id for peer in first.peers()] == [other.id]
        assert first.put(b"x").stored == 2


@pytest.mark.parametrize("placement", ["inline", "thread", "process"])
def test_a_newcomer_is_handed_what_it_is_to_hold_wherever_upkeep_lives(placement: str) -> None:
    config = Config(services={"upkeep": placement, "published": placement})
    with Node(config) as one:
        with Node() as two:
            two.connect(one.address)
            for number in range(20):
                assert two.put(b"%d" % number).stored == 2
        with Node() as newcomer:
            newcomer.connect(one.address)
            until(lambda: newcomer.stats().store.records == 20)
