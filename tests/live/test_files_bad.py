"""Files and folders where something is wrong: peers that are gone or full, and this machine's disk."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from mdht.config import Config, Limits
from mdht.errors import (
    BadShare,
    CannotWrite,
    ChunkNotStored,
    ChunksMissing,
    LocalError,
    Malformed,
    NotFound,
)
from mdht.node import Node
from mdht.testnet import TestNet

from .folders import contents, left_behind, put_bytes

# -- peers that are gone, or full --------------------------------------------------------------------------------------


def test_nodes_that_left_are_not_missed(tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "in.bin", 4_000_000)
    with TestNet(8) as net:
        shared = net[0].share(tmp_path / "in.bin")
        assert shared.replicas == 3
        net[0].close()
        net[4].close()
        net[6].fetch(shared.id, tmp_path / "out.bin")
        assert (tmp_path / "out.bin").read_bytes() == data


def test_a_node_leaves_while_it_is_fetched_from(tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "in.bin", 12_000_000)
    with TestNet(6) as net:
        shared = net[0].share(tmp_path / "in.bin")
        fetching = net[5].fetch_future(shared.id, tmp_path / "out.bin")
        net[1].close()
        net[2].close()
        fetching.result(50)
        assert (tmp_path / "out.bin").read_bytes() == data


def test_too_many_nodes_left(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in" / "a", 3_000_000)
    put_bytes(tmp_path / "in" / "b", 3_000_000, 1)
    with TestNet(6) as net:
        shared = net[0].share(tmp_path / "in", replicas=1)
        late = net.make(9).start()
        try:
            late.connect(net[0].address)
            late.refresh()
            for node in list(net)[1:]:
                node.close()
            with pytest.raises((ChunksMissing, NotFound)) as caught:
                late.fetch(shared.id, tmp_path / "out")
            assert isinstance(caught.value, NotFound) or caught.value.missing >= 1
        finally:
            late.close()
    assert not (tmp_path / "out").exists()
    assert left_behind(tmp_path) == []


def test_alone_nothing_is_shared(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 1000)
    with Node() as node:
        with pytest.raises(ChunkNotStored, match="connect first") as caught:
            node.share(tmp_path / "in.bin")
        assert caught.value.file == "in.bin"
        assert node.share(tmp_path / "in.bin", replicas=1).replicas == 1
        with pytest.raises(NotFound):
            node.fetch(bytes(32), tmp_path / "out.bin")
        with pytest.raises(LocalError, match="32"):
            node.fetch(b"short", tmp_path / "out.bin")
        with pytest.raises(LocalError, match="replicas"):
            node.share(tmp_path / "in.bin", replicas=21)


def test_a_full_peer_is_passed_over(tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "in.bin", 3_000_000)
    small = Config(limits=Limits(peer_bytes=1 << 18))
    with TestNet(4) as net, Node(small) as a, Node(small) as b:
        for one in (a, b):
            one.connect(net[0].address)
            one.refresh()
        shared = net[0].share(tmp_path / "in.bin")
        assert shared.replicas == 3
        assert max(a.stats().store.bytes, b.stats().store.bytes) <= 1 << 18
        net[3].fetch(shared.id, tmp_path / "out.bin")
        assert (tmp_path / "out.bin").read_bytes() == data


def test_when_all_are_full_it_says_so(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 3_000_000)
    with TestNet(3, Config(limits=Limits(peer_bytes=1 << 18))) as net:
        with pytest.raises(ChunkNotStored, match="quota of peer") as caught:
            net[0].share(tmp_path / "in.bin")
        assert caught.value.stored == 1, "this node itself"
        assert net[0].peers(), "and the links are as they were"


# -- what is wrong on this machine -------------------------------------------------------------------------------------


def test_what_cannot_be_shared(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.symlink("nowhere", tmp_path / "link")
    put_bytes(tmp_path / "target", 100)
    os.symlink("target", tmp_path / "good")
    with TestNet(2) as net:
        for name, why in (("pipe", "a pipe"), ("link", "No such file"), ("nothing", "No such file")):
            with pytest.raises(BadShare, match=why):
                net[0].share(tmp_path / name)
        with pytest.raises(BadShare, match="no name"):
            net[0].share("/")
        assert net[0].share(tmp_path / "good").name == "good", "a link that is named is followed"


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_bytes(tmp_path / "in" / "file", 2_000_000)
    with TestNet(2) as net:
        shared = net[0].share(tmp_path / "in")
        write = os.write
        told: list[int] = []

        def full(descriptor: int, data: bytes) -> int:
            if len(data) > 1000 and threading.current_thread().name.startswith("mdht-files"):
                told.append(len(data))
                if len(told) > 5:
                    raise OSError(28, "No space left on device")
            return write(descriptor, data)

        monkeypatch.setattr("mdht.services.files.target.os.write", full)
        with pytest.raises(CannotWrite, match="No space left") as caught:
            net[1].fetch(shared.id, tmp_path / "out")
        assert caught.value.path == str(tmp_path / "out" / "file")
    assert os.listdir(tmp_path) == ["in"]


def test_what_a_killed_process_left_is_begun_anew(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in" / "file", 100_000)
    with TestNet(2) as net:
        shared = net[0].share(tmp_path / "in")
        file = net[0].share(tmp_path / "in" / "file")
        for one, name in ((shared.id, "out"), (file.id, "out.bin")):
            unique = hashlib.sha256(one + name.encode()).hexdigest()[:24]
            part = tmp_path / f".mdht-{unique}.part"
            if name == "out":
                put_bytes(part / "content" / "old" / "file", 10)
                put_bytes(part / "index", 10)
            else:
                put_bytes(part, 500_000)
            net[1].fetch(one, tmp_path / name)
    assert contents(tmp_path / "out") == contents(tmp_path / "in")
    assert (tmp_path / "out.bin").read_bytes() == (tmp_path / "in" / "file").read_bytes()
    assert left_behind(tmp_path) == []


def test_a_record_that_is_no_share(tmp_path: Path) -> None:
    with TestNet(2) as net:
        key = net[0].put(b"hello").key
        with pytest.raises(Malformed, match="malformed share"):
            net[1].fetch(key, tmp_path / "out")
    assert os.listdir(tmp_path) == []
