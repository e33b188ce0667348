"""The data directory: its lock, its identity, its paths."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mdht.config import Config
from mdht.data_dir import (
    LOCK_FILE,
    DataDirLock,
    default_data_dir,
    ensure_identity,
    holder_of,
    load_identity,
    socket_address,
)
from mdht.errors import BadKey, DataDirInUse, DataDirUnusable
from mdht.node import Node


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_lock_names_who_has_it(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    assert holder_of(str(place)) is None
    lock = DataDirLock(str(place))
    assert (mode(place), mode(place / LOCK_FILE)) == (0o700, 0o600)
    with pytest.raises(DataDirInUse, match=f"process {os.getpid()}") as caught:
        DataDirLock(str(place))
    assert caught.value.pid == os.getpid() and caught.value.since_s > 1_600_000_000
    assert holder_of(str(place)) == (caught.value.pid, caught.value.since_s)
    lock.release()
    lock.release()
    assert holder_of(str(place)) is None
    DataDirLock(str(place)).release()


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys; from mdht.data_dir import *; lock = DataDirLock(sys.argv[1]); print('has it', flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None and child.stdout.readline() == "has it\n"
        with pytest.raises(DataDirInUse, match=f"process {child.pid}"):
            DataDirLock(str(tmp_path))
    finally:
        child.kill()
        child.communicate()
    assert holder_of(str(tmp_path)) is None
    DataDirLock(str(tmp_path)).release()


def test_what_is_written_in_the_lock_is_only_for_people(tmp_path: Path) -> None:
    lock = DataDirLock(str(tmp_path))
    for text, seen in ((b"", (0, 0.0)), (b"x y", (0, 0.0)), (b"7 never", (7, 0.0)), (b"\xff" * 200, (0, 0.0))):
        (tmp_path / LOCK_FILE).write_bytes(text)
        assert holder_of(str(tmp_path)) == seen
    lock.release()


def test_directories_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "below"):
        with pytest.raises(DataDirUnusable, match="file"):
            DataDirLock(str(path))
        with pytest.raises(DataDirUnusable):
            ensure_identity(str(path))
    (tmp_path / LOCK_FILE).symlink_to(file)
    with pytest.raises(DataDirUnusable):
        DataDirLock(str(tmp_path))


def test_an_identity_is_made_once_and_kept(tmp_path: Path) -> None:
    place = tmp_path / "new"
    assert load_identity(str(place)) is None
    first = ensure_identity(str(place))
    assert (mode(place), mode(place / "identity.pem")) == (0o700, 0o600)
    assert ensure_identity(str(place)) == first == load_identity(str(place))
    assert os.listdir(place) == ["identity.pem"]
    (place / "identity.pem").write_bytes(b"no key")
    with pytest.raises(BadKey):
        ensure_identity(str(place))


def test_the_default_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.delenv("MDHT_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "relative is to be ignored")
    assert default_data_dir() == "/home/somebody/.local/share/mdht"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_data_dir() == "/data/mdht"
    monkeypatch.setenv("MDHT_DATA_DIR", "~/here")
    assert default_data_dir() == "/home/somebody/here"


@pytest.mark.parametrize("length", [40, 107, 108, 200])
def test_a_socket_path_of_any_length(tmp_path: Path, length: int) -> None:
    place = tmp_path / ("d" * 100) / ("e" * 60)
    place.mkdir(parents=True)
    path = str(place / "api.sock") if length > 107 else f"/tmp/mdht-{os.getpid()}-{length}"
    path += "x" * max(0, length - len(path) if length <= 107 else 0)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        try:
            with socket_address(path) as address:
                server.bind(address)
            server.listen(1)
            with socket_address(path) as address:
                client.connect(address)
            assert stat.S_ISSOCK(os.stat(path).st_mode)
        finally:
            os.unlink(path)


def test_two_nodes_of_one_process(tmp_path: Path) -> None:
    config = Config(data_dir=str(tmp_path))
    with Node(config) as one:
        for other in (Node(config), Node(Config(data_dir=str(tmp_path), door=False, store="lmdb"))):
            with pytest.raises(DataDirInUse, match=f"process {os.getpid()}"):
                other.start()

        async def on_a_loop() -> None:
            async with Node(config):
                pass

        with pytest.raises(DataDirInUse):
            asyncio.run(on_a_loop())
        assert one.peers() == []
    with Node(config) as again:
        assert again.id == one.id


def test_a_node_that_fails_to_start_frees_its_directory(tmp_path: Path) -> None:
    from mdht.transport import CannotListen

    with Node() as other:
        taken = Config(data_dir=str(tmp_path), listen=(other.addresses[0],))
        with pytest.raises(CannotListen):
            Node(taken).start()
        assert holder_of(str(tmp_path)) is None
