"""Shares and puts that a node remembers on a disk: over restarts, kills, damage, and a disk that takes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mdht.config import Config
from mdht.errors import BadShare
from mdht.model import Content, Kind, address_of
from mdht.node import Node
from mdht.services.files import keeping as file_keeping
from mdht.services.files.commands import ShareInfo
from mdht.services.files.shares import CHANGED, KeptShare, ShareFile
from mdht.store.lmdb import LmdbStore
from mdht.testnet import TestNet
from tests.mdht.hostile.process import ROOT

from .folders import put_bytes
from .test_files import PLACED


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so; the bound is for a loaded machine."""
    deadline_s = time.monotonic() + 15.0
    while not true():
        assert time.monotonic() < deadline_s, "it did not come about"
        time.sleep(0.02)


def in_dir(path: Path) -> Config:
    return Config(data_dir=str(path / "node"), door=False)


def only(node: Node) -> ShareInfo:
    (share,) = node.shares()
    return share


def test_a_share_is_remembered_over_a_restart_and_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_bytes(tmp_path / "in" / "a", 200_000)
    with Node() as other:
        with Node(in_dir(tmp_path)) as node:
            node.connect(other.address)
            shared = node.share(tmp_path / "in", replicas=2)
            before = only(node)
            assert not shared.warning
        file = ShareFile(str(tmp_path / "node" / "shares"))
        (kept,) = file.load()
        assert (kept.replicas, os.stat(file.path).st_mode & 0o777) == (2, 0o600)
        file.save([replace(kept, renewed_s=kept.renewed_s - 30 * 3_600)])
        monkeypatch.setattr(file_keeping, "FIRST_S", 0.05)
        with Node(replace(in_dir(tmp_path), seeds=(other.address,))) as node:
            until(lambda: only(node).renewed_s >= before.renewed_s)
            assert only(node).state == "kept"
            assert node.stats().files.renewals == 1
            assert node.unshare(shared.id)
        with Node(in_dir(tmp_path)) as node:
            assert node.shares() == []


def test_killed_as_soon_as_it_has_answered(tmp_path: Path) -> None:
    """What was told to the user is on the disk by then: no matter when the process dies."""
    put_bytes(tmp_path / "in.bin", 100_000)
    script = """
import os, signal, sys
from mdht.config import Config
from mdht.node import Node
with Node() as other, Node(Config(data_dir=sys.argv[1], store="lmdb", door=False)) as node:
    node.connect(other.address)
    node.put(b"content")
    node.put(b"value", key=b"name")
    print(node.public.hex(), node.share(sys.argv[2]).id.hex(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "node"), str(tmp_path / "in.bin")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=40,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    public, id = map(bytes.fromhex, done.stdout.decode().split())
    assert [one.id for one in ShareFile(str(tmp_path / "node" / "shares")).load()] == [id]
    with LmdbStore(tmp_path / "node" / "store-own", readonly=True) as own:
        assert own.get(Content(b"content").address, time.time()) is not None
        assert own.get(address_of(Kind.OWNED, b"name", public), time.time()) is not None


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "other form"])
def test_a_damaged_file_is_set_aside_and_reported(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = ShareFile(str(tmp_path / "shares"))
    share = KeptShare(bytes(32), b"/x", 0, 1, 2, bytes(32), 3.0, 4.0, CHANGED, "why")
    assert file.save([share]) == ""
    assert file.load() == [share]
    data = Path(file.path).read_bytes()
    bad = {"cut": data[:-1], "changed": data[:40] + b"\xff" + data[41:], "empty": b"", "other form": data[32:]}
    Path(file.path).write_bytes(bad[damage])
    assert file.load() == []
    assert "is damaged" in caplog.text
    assert Path(f"{file.path}.damaged").read_bytes() == bad[damage]
    assert file.load() == [], "and it is not there any more"
    assert file.save([share]) == ""
    assert file.load() == [share]


def test_a_disk_that_takes_nothing_is_told_with_the_share(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 1_000)
    with Node() as other, Node(in_dir(tmp_path)) as node:
        node.connect(other.address)
        (tmp_path / "node" / f"shares.{os.getpid()}").mkdir()
        shared = node.share(tmp_path / "in.bin")
        assert "not kept alive over a restart" in shared.warning
        assert only(node).id == shared.id


@pytest.mark.parametrize("where", ["threads", "coroutine", "files in a process"])
def test_wherever_the_service_lives(tmp_path: Path, where: str) -> None:
    services = PLACED[where]
    put_bytes(tmp_path / "in.bin", 1_000)
    with TestNet(2, Config(services=services)) as net:
        shared = net[0].share(tmp_path / "in.bin")
        assert only(net[0]).id == shared.id
        net[0].move("files", "thread" if services.get("files") != "thread" else "inline")
        assert only(net[0]).id == shared.id, "shares move with the service"
        key = net[0].put(b"mine").key
        assert net[0].forget(key)
        assert not net[0].forget(key)
        assert net[0].unshare(shared.id)
        assert not net[0].unshare(shared.id)


@pytest.mark.parametrize("placement", ["inline", "process"])
def test_a_path_that_is_no_text(tmp_path: Path, placement: str) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"\xff\xfe odd")
    os.mkdir(folder)
    with open(os.path.join(folder, b"\xfd"), "wb") as file:
        file.write(b"data")
    with TestNet(2, Config(services={"files": placement})) as net:
        shared = net[0].share(os.fsdecode(folder))
        assert shared.name == "\\udcff\\udcfe odd"
        assert only(net[0]).path == f"{tmp_path}/\\udcff\\udcfe odd"
        target = os.path.join(os.fsencode(tmp_path), b"\xfc out")
        net[1].fetch(shared.id, os.fsdecode(target))
        with open(os.path.join(target, b"\xfd"), "rb") as file:
            assert file.read() == b"data"
        with pytest.raises(BadShare, match="No such file"):
            net[0].share(os.fsdecode(folder) + "/nothing")


def test_what_is_forgotten_is_gone_from_the_disk(tmp_path: Path) -> None:
    config = replace(in_dir(tmp_path), store="lmdb")
    with Node() as other, Node(config) as node:
        node.connect(other.address)
        key = node.put(b"content").key
        node.put(b"value", key=b"name")
        assert node.forget(key)
        assert not node.forget(key)
    with LmdbStore(tmp_path / "node" / "store-own", readonly=True) as own:
        assert own.get(Content(b"content").address, time.time()) is None
        assert own.stats().records == 1
