"""Networks of processes: started at once, killed, restarted, and nothing left of them however their parent ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import mdht
from mdht.config import Config
from mdht.errors import NoNode
from mdht.testnet import NodeNotStarted, ProcessNet

from .footprint import descendants, running, until

ROOT = Path(mdht.__file__).parents[1]


def descriptors() -> set[str]:
    here = "/proc/self/fd"
    return {os.readlink(f"{here}/{fd}") for fd in os.listdir(here) if os.path.lexists(f"{here}/{fd}")}


def test_put_get_kill_restart_stop() -> None:
    before, children = descriptors(), descendants()
    ready: list[int] = []
    with ProcessNet(3, Config(store="lmdb"), started=ready.append) as net:
        assert sorted(ready) == net.running() == [0, 1, 2]
        assert len({net.pid(number) for number in range(3)} - {0}) == 3
        assert len({node.id for node in net}) == len(net) == 3
        assert os.stat(net.directory).st_mode & 0o777 == 0o700
        content = net[0].put(b"hello").key
        owned = net[1].put(b"v1", key=b"config").key
        assert net[2].get(content).value == b"hello"
        assert net[2].get(owned, kind="owned", owner=net[1].public).value == b"v1"

        identity = net[1].id
        net.kill(1)
        net.kill(1)
        assert (net.running(), net.pid(1)) == ([0, 2], 0)
        with pytest.raises(NoNode):
            net[1].put(b"hello")
        assert net[0].get(content).value == b"hello"

        back = net.restart(1)
        assert back is net[1] and back.id == identity
        assert back.get(owned, kind="owned").value == b"v1"
        assert back.put(b"v2", key=b"config").sequence == 2

        net.stop(0)
        assert net.running() == [1, 2]
        assert net.restart(2).get(content).value == b"hello"
        directory = net.directory
    assert net.running() == []
    assert not os.path.exists(directory)
    assert descendants() <= children
    assert descriptors() <= before
    net.close()


def test_services_in_processes_and_a_directory_that_is_kept(tmp_path: Path) -> None:
    config = Config(services={"store": "process", "links": "thread"})
    with ProcessNet(2, config, directory=tmp_path) as net:
        below = descendants(net.pid(0))
        assert below, "its store"
        assert net[1].get(net[0].put(b"hello").key).value == b"hello"
        net.kill(0)
        until(lambda: not running(below), 20.0, "the processes of a node that was killed are gone")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["node0", "node1"]
    assert (tmp_path / "node1" / "config.toml").stat().st_mode & 0o777 == 0o600
    with ProcessNet(1, directory=tmp_path) as net:
        assert net[0].about().placements in ({}, None), "configured anew"


def test_a_node_that_dies_at_its_start_says_why() -> None:
    children = descendants()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        net = ProcessNet(2, Config(listen=(f"127.0.0.1:{taken.getsockname()[1]}",)))
        with pytest.raises(NodeNotStarted) as caught:
            net.start()
    assert caught.value.number in (0, 1)
    assert "with exit code 9" in caught.value.reason
    assert "in use" in str(caught.value)
    assert not os.path.exists(net.directory)
    assert descendants() <= children


def test_on_a_loop() -> None:
    children = descendants()

    async def go() -> str:
        async with ProcessNet(2) as net:
            done = await net[0].aput(b"hello")
            assert (await net[1].aget(done.key)).value == b"hello"
            assert net[1].address.startswith(net[1].id.hex())
        assert not os.path.exists(net.directory)
        ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        other = ProcessNet(3, started=lambda _: loop.call_soon_threadsafe(ready.set))
        starting = asyncio.ensure_future(other.astart())
        await ready.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        return other.directory

    directory = asyncio.run(go())
    assert not os.path.exists(directory)
    assert descendants() <= children


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_nothing_outlives_the_parent(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "mdht", "testnet", "--processes", "--nodes", "3", "--store", "lmdb", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment, text=True) as parent:
        try:
            assert parent.stdout is not None
            told = json.loads(parent.stdout.readline())
            below = descendants(parent.pid)
            pids = [node["pid"] for node in told["nodes"]]
            assert len(below) == 4 and below > set(pids), "three nodes and the janitor"
            assert list(tmp_path.iterdir()) == [Path(told["directory"])]
            os.kill(pids[1], signal.SIGKILL)
            parent.send_signal(number)
            assert parent.wait(30) == (0 if number == signal.SIGTERM else -number)
        finally:
            parent.kill()
    until(lambda: not running(below), 30.0, "every node and the janitor are gone")
    assert list(tmp_path.iterdir()) == []
