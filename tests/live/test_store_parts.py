"""A node whose store is in several parts on disk: restarted with another number, moved under load, parts killed."""

from __future__ import annotations

import logging
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mdht.config import Config
from mdht.errors import NotDone
from mdht.model import Kind
from mdht.node import Node
from mdht.store import CannotReshard
from mdht.store.lmdb import Layout, LmdbStore, read_layout
from mdht.store.lmdb import reshard as reshard_module

WAIT_S = 20.0


def config(path: Path, store: str, **services: str) -> Config:
    return Config(
        data_dir=str(path), store="lmdb", replicas=1, reads=1, timeout_s=WAIT_S, services={"store": store, **services}
    )


def parts_of(path: Path) -> list[str]:
    return sorted(one for one in os.listdir(path) if one.startswith("store") and (path / one / "data.mdb").exists())


def test_restarted_with_another_number(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    keys: list[bytes] = []
    for parts, store in ((1, "inline"), (2, "process:2"), (3, "thread:3"), (1, "thread")):
        with Node(config(tmp_path, store)) as node:
            for key in keys:
                assert node.get(key).value[:1] == b"v"
            keys += [node.put(b"v%s %d" % (store.encode(), number)).key for number in range(20)]
            node.put(b"name", key=b"name", kind=Kind.OPEN)
            node.put(store.encode(), key=b"mutable")
            numbers = node.stats().store
            assert (numbers.records, numbers.parts) == (len(keys) + 2, parts)
            assert numbers.limit_bytes == pytest.approx(node.config.limits.store_bytes, abs=parts)
        assert read_layout(str(tmp_path / "store")) == Layout(parts)
        assert len(parts_of(tmp_path)) == parts + 1, "and the user's own"
        if parts > 1:
            held = [LmdbStore(tmp_path / name, readonly=True) for name in parts_of(tmp_path) if "-of-" in name]
            assert all(one.stats().records for one in held)
            for one in held:
                one.close()
    assert "dividing the store" in caplog.text and "into 3" in caplog.text


@pytest.mark.timeout(120)
def test_moved_under_load(tmp_path: Path) -> None:
    """Peers put and get by links in processes while the number of parts changes: what was acknowledged is not lost, and
    no get fails. (On a machine that is overloaded a put may time out while processes start; it is then not counted.)
    """
    own = replace(config(tmp_path, "thread", links="process:2@links", local="process:2@links"), replicas=2)
    with Node(own) as node, Node(Config(replicas=2, reads=1, timeout_s=WAIT_S)) as peer:
        peer.connect(node.address)
        over = threading.Event()

        def load(worker: int) -> dict[bytes, bytes]:
            one, other = (node, peer) if worker % 2 else (peer, node)
            put: dict[bytes, bytes] = {}
            number = 0
            while not over.is_set() or number < 20:
                number += 1
                value = b"%d %d" % (worker, number)
                try:
                    done = one.put(value)
                except NotDone:
                    continue
                if done.stored < 2:
                    continue
                put[done.key] = value
                assert other.get(done.key).value == value
            return put

        with ThreadPoolExecutor(4) as pool:
            workers = [pool.submit(load, worker) for worker in range(4)]
            assert node._tree is not None
            try:
                for placement in ("process:2", "process:3", "thread:2", "process"):
                    node._tree.move("store", placement)
                    assert node.stats().store.parts == int(placement.partition(":")[2] or 1)
            finally:
                over.set()
            put = {key: value for worker in workers for key, value in worker.result().items()}
    with Node(config(tmp_path, "process:2")) as node:
        numbers = node.stats().store
        assert numbers.parts == 2 and numbers.records >= len(put) > 0
        for key, value in put.items():
            assert node.get(key).value == value


def test_too_much_to_be_divided_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reshard_module, "RECORD_S", 100.0)
    with Node(config(tmp_path, "thread")) as node:
        key = node.put(b"value").key
        assert node._tree is not None
        with pytest.raises(CannotReshard, match="restart"):
            node._tree.move("store", "thread:2")
        assert node.get(key).value == b"value" and node.stats().store.parts == 1
        node.put(b"other")
    assert parts_of(tmp_path) == ["store", "store-own"]


def test_a_division_that_takes_too_long_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mdht.services.store.dividing.LIVE_BOUND_S", 0.0)
    with Node(config(tmp_path, "thread")) as node:
        key = node.put(b"value").key
        assert node._tree is not None
        with pytest.raises(CannotReshard, match="not done within"):
            node._tree.move("store", "thread:2")
        assert node.get(key).value == b"value" and node.stats().store.parts == 1
        node.put(b"other")
    assert parts_of(tmp_path) == ["store", "store-own"]


@pytest.mark.timeout(120)
def test_parts_that_are_killed_come_back(tmp_path: Path) -> None:
    with Node(config(tmp_path, "thread")) as node:
        assert node._tree is not None
        node._tree.move("store", "process:2")
        keys = [node.put(b"%d" % number).key for number in range(40)]
        for _ in range(2):
            for child in psutil.Process().children(recursive=True):
                if any("store" in name for name in names_open(child)):
                    os.kill(child.pid, signal.SIGKILL)
            for number, key in enumerate(keys):
                assert again(lambda key=key: node.get(key).value) == b"%d" % number  # type: ignore[misc]
        assert again(lambda: node.stats().store.parts) == 2
        node.put(b"after")


def names_open(process: psutil.Process) -> list[str]:
    """Files that a process has mapped of a store."""
    try:
        return [one.path for one in process.memory_maps() if one.path.endswith("data.mdb")]
    except psutil.Error:
        return []


def again(what):  # type: ignore[no-untyped-def]
    """A question is asked again where the service that had it was killed."""
    for _ in range(20):
        try:
            return what()
        except Exception as error:
            last = error
    raise last
