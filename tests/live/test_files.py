"""Files and folders through real nodes, over TCP and TLS: there and back, byte for byte, whatever lies in a folder."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ipc import WouldDeadlock
from mdht.config import Config, Limits
from mdht.errors import (
    BadTarget,
    Cancelled,
)
from mdht.node import Node
from mdht.services.files.commands import DoShare, FileCancel, FileProgress, ServedNumbers
from mdht.testnet import TestNet

from .folders import contents, left_behind, put_bytes

# -- there and back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65_279, 65_280, 65_281, 3_000_000])
def test_a_file(tmp_path: Path, size: int) -> None:
    data = put_bytes(tmp_path / "in.bin", size)
    with TestNet(2) as net:
        shared = net[0].share(tmp_path / "in.bin")
        assert (shared.name, shared.files, shared.size_bytes, shared.replicas) == ("in.bin", 1, size, 2)
        fetched = net[1].fetch(shared.id, tmp_path / "out.bin")
        assert (fetched.path, fetched.name, fetched.files) == (str(tmp_path / "out.bin"), "in.bin", 1)
        assert (tmp_path / "out.bin").read_bytes() == data
        assert net[1].share(tmp_path / "in.bin").id == shared.id, "the same content and name is the same share"
    assert left_behind(tmp_path) == []


def test_lists_of_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mdht.files.tree.TOP_HASHES", 5)
    monkeypatch.setattr("mdht.files.tree.LIST_HASHES", 8)
    data = put_bytes(tmp_path / "in.bin", 65_280 * 39 + 5)
    with TestNet(3) as net:
        shared = net[0].share(tmp_path / "in.bin")
        assert shared.chunks == 40 + 5 + 1
        net[2].fetch(shared.id, tmp_path / "out.bin")
    assert (tmp_path / "out.bin").read_bytes() == data


def test_a_folder_of_many_small_files(tmp_path: Path) -> None:
    source = tmp_path / "source"
    draw = random.Random(1)
    for number in range(2_000):
        put_bytes(source / f"d{number % 37}" / f"e{number % 5}" / f"{number}.txt", draw.randrange(0, 900), number)
    seen: list[FileProgress] = []
    with TestNet(8) as net:
        shared = net[0].share(source, progress=seen.append)
        assert shared.files == 2_000
        assert shared.replicas == 3
        assert shared.chunks < 25, "small files share chunks"
        fetched = net[5].fetch(shared.id, tmp_path / "target", progress=seen.append)
        assert (fetched.files, fetched.size_bytes, fetched.name) == (2_000, shared.size_bytes, "source")
    assert contents(tmp_path / "target") == contents(source)
    assert all(one.done_bytes <= one.total_bytes and one.files_done <= one.files_total for one in seen)


def test_everything_that_a_folder_may_hold(tmp_path: Path) -> None:
    source = tmp_path / "source"
    put_bytes(source / "plain", 100_000)
    put_bytes(source / "empty", 0)
    put_bytes(source / "run", 10)
    os.chmod(source / "run", 0o755)
    (source / "folder" / "in" / "folder").mkdir(parents=True)
    put_bytes(source / "two\nlines", 10)
    put_bytes(source / ("x" * 255), 10)
    put_bytes(source / "ünï", 10)
    put_bytes(source / "zero", 200_000)
    (source / "zero").write_bytes(bytes(200_000))
    odd = os.path.join(os.fsencode(source), b"\xff\xfe odd")
    with open(odd, "wb") as file:
        file.write(b"not UTF-8")
    os.symlink("/etc/passwd", source / "outside")
    os.symlink("plain", source / "inside")
    os.symlink(source, source / "folder" / "around")
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(source, os.O_RDONLY)
        try:
            one.bind(f"/proc/self/fd/{here}/socket")
        finally:
            os.close(here)
        with TestNet(3) as net:
            shared = net[0].share(source)
            fetched = net[1].fetch(shared.id, tmp_path / "target")
    assert shared.skipped == (
        "folder/around: a symbolic link",
        "inside: a symbolic link",
        "outside: a symbolic link",
        "pipe: a pipe",
        "socket: a socket",
    )
    assert shared.skipped_total == 5
    for name in ("folder/around", "inside", "outside", "pipe", "socket"):
        os.unlink(source / name)
    assert contents(tmp_path / "target") == contents(source)
    assert fetched.files == 8
    assert (tmp_path / "target/folder/in/folder").is_dir()


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with TestNet(2) as net:
        shared = net[0].share(str(tmp_path / "source") + "/")
        assert (shared.name, shared.files, shared.size_bytes) == ("source", 0, 0)
        net[1].fetch(shared.id, tmp_path / "target")
    assert list((tmp_path / "target").iterdir()) == []


def test_where_it_is_put(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in" / "file", 10)
    with TestNet(2) as net:
        file, folder = net[0].share(tmp_path / "in" / "file").id, net[0].share(tmp_path / "in").id
        into = tmp_path / "into"
        into.mkdir()
        assert net[1].fetch(file, f"{into}/").path == str(into / "file")
        assert net[1].fetch(folder, f"{into}/").path == str(into / "in")
        (tmp_path / "empty").mkdir()
        net[1].fetch(folder, tmp_path / "empty")
        assert (tmp_path / "empty" / "file").exists()
        for taken in (into, tmp_path / "in" / "file"):
            before = contents(tmp_path)
            with pytest.raises(BadTarget):
                net[1].fetch(folder, taken)
            assert contents(tmp_path) == before
        with pytest.raises(BadTarget, match="end it with /"):
            (tmp_path / "empty2").mkdir()
            net[1].fetch(file, tmp_path / "empty2")
        with pytest.raises(BadTarget, match="no folder"):
            net[1].fetch(file, tmp_path / "nowhere" / "file")
        os.symlink("/nowhere", tmp_path / "link")
        with pytest.raises(BadTarget, match="exists"):
            net[1].fetch(file, tmp_path / "link")
        assert left_behind(tmp_path) == left_behind(into) == []


# -- life --------------------------------------------------------------------------------------------------------------


def test_a_progress_that_raises_ends_it(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 40_000_000)

    def stop(progress: FileProgress) -> None:
        raise KeyboardInterrupt

    with TestNet(2) as net:
        with pytest.raises(KeyboardInterrupt):
            net[0].share(tmp_path / "in.bin", progress=stop)
        assert net[0].put(b"fine").stored == 2


def test_cancelled_before_it_began(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 1000)

    async def main() -> None:
        async with TestNet(2) as net:
            files = net[0]._clients["files"]
            sharing = files.future(DoShare(bytes(tmp_path / "in.bin"), b"ticket", 0, 5.0))
            files.cast(FileCancel(b"ticket"))
            with pytest.raises(Cancelled):
                await asyncio.wrap_future(sharing)

    asyncio.run(main())


def test_awaited_futures_and_threads(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 500_000)

    async def main() -> None:
        before = threading.active_count()
        async with TestNet(3) as net:
            with pytest.raises(WouldDeadlock):
                net[0].share(tmp_path / "in.bin")
            shared = await net[0].ashare(tmp_path / "in.bin", progress=lambda _: None)
            both = [net[1].afetch(shared.id, tmp_path / f"{number}") for number in range(3)]
            await asyncio.gather(*both)
            assert threading.active_count() == before, "the disk's thread is gone again"

    asyncio.run(main())
    with TestNet(2) as net:
        shared = net[0].share_future(tmp_path / "in.bin").result(30)
        net[1].fetch_future(shared.id, tmp_path / "again").result(30)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "2").read_bytes()


def test_cancelled(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 30_000_000)

    async def main() -> None:
        async with TestNet(3) as net:
            shared = await net[0].ashare(tmp_path / "in.bin")
            fetching = asyncio.ensure_future(net[2].afetch(shared.id, tmp_path / "out.bin"))
            while not left_behind(tmp_path):
                await asyncio.sleep(0.001)
            fetching.cancel()
            with pytest.raises(asyncio.CancelledError):
                await fetching
            while left_behind(tmp_path):
                await asyncio.sleep(0.001)
            assert (await net[2].aput(b"fine")).stored == 3

    asyncio.run(main())
    assert os.listdir(tmp_path) == ["in.bin"]


def test_a_node_is_closed_while_it_fetches(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 30_000_000)
    with TestNet(3) as net:
        shared = net[0].share(tmp_path / "in.bin")
        fetching = net[2].fetch_future(shared.id, tmp_path / "out.bin")
        net[2].close()
        assert fetching.exception(20) is not None
    assert os.listdir(tmp_path) == ["in.bin"]


PLACED: dict[str, dict[str, str]] = {
    "files in a thread": {"files": "thread"},
    "store in a thread": {"store": "thread"},
    "threads": dict.fromkeys(("store", "peers", "local", "api", "files", "links"), "thread"),
    "coroutine": {"files": "coroutine"},
    "processes": {"store": "process", "api": "process", "links": "process"},
    "links in two processes": {"links": "process:2@links", "local": "process:2@links"},
    "files in a process": {"files": "process"},
    "all in processes": {
        "store": "process",
        "files": "process",
        "api": "process",
        "links": "process:2@links",
        "local": "process:2@links",
    },
}


@pytest.mark.parametrize("services", PLACED.values(), ids=PLACED)
def test_services_live_where_they_are_placed(tmp_path: Path, services: dict[str, str]) -> None:
    data = put_bytes(tmp_path / "in.bin", 3_000_000)
    with TestNet(2, Config(services=services)) as net:
        shared = net[0].share(tmp_path / "in.bin")
        net[1].fetch(shared.id, tmp_path / "out.bin")
    assert (tmp_path / "out.bin").read_bytes() == data


def test_with_lmdb(tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "in.bin", 5_000_000)
    config = Config(store="lmdb", file_replicas=2)
    one = replace(config, data_dir=str(tmp_path / "a"))
    two = replace(config, data_dir=str(tmp_path / "b"))
    with Node(one) as a, Node(two) as b:
        b.connect(a.address)
        shared = a.share(tmp_path / "in.bin")
        assert shared.replicas == 2
    with Node(one) as a, Node() as c:
        c.connect(a.address)
        c.fetch(shared.id, tmp_path / "out.bin")
        assert (tmp_path / "out.bin").read_bytes() == data


def test_as_many_streams_as_are_served(tmp_path: Path) -> None:
    put_bytes(tmp_path / "in.bin", 1_000_000)
    with TestNet(4, Config(limits=Limits(served_streams=1))) as net:
        sharing = [node.share_future(tmp_path / "in.bin", replicas=4) for node in net.nodes[:2]]
        assert [one.result(50).replicas for one in sharing] == [4, 4]
        refused = [node._clients["files"].call(ServedNumbers(), 5.0).refused for node in net]
        assert sum(refused) > 0


def test_the_service_moves_while_it_works(tmp_path: Path) -> None:
    data = put_bytes(tmp_path / "in.bin", 20_000_000)
    with TestNet(3) as net:
        sharing = net[0].share_future(tmp_path / "in.bin")
        for placement in ("thread", "inline"):
            net[0]._clients["files"].move(placement)
        shared = sharing.result(50)
        assert shared.replicas == 3
        fetching = net[2].fetch_future(shared.id, tmp_path / "out.bin")
        for node in (net[2], net[1]):
            node._clients["files"].move("thread")
        fetching.result(50)
    assert (tmp_path / "out.bin").read_bytes() == data
    assert left_behind(tmp_path) == []
