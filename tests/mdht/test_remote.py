"""`RemoteNode`: the methods of a node, from outside."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ipc import WouldDeadlock
from mdht.config import Config
from mdht.control import pack_reply
from mdht.data_dir import holder_of
from mdht.errors import (
    BadFrame,
    BadMessage,
    BadText,
    Conflict,
    DoorClosed,
    NodeGone,
    NoNode,
    NotFound,
    TimedOut,
    TooFewReplicas,
    TooLarge,
    WrongState,
)
from mdht.model import Kind
from mdht.node import Node
from mdht.remote import RemoteNode
from mdht.transport import CannotDial


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Node, RemoteNode]]:
    with Node(Config(data_dir=str(tmp_path))) as node, RemoteNode(tmp_path) as remote:
        yield node, remote


def test_it_has_the_methods_of_a_node() -> None:
    own = {"start", "astart", "wait_stopped", "await_stopped"}
    for name, method in inspect.getmembers(Node, inspect.isfunction):
        if name.startswith("_") or name in own or name.endswith("_future"):
            continue
        other = getattr(RemoteNode, name, None)
        assert other is not None, name
        assert list(inspect.signature(other).parameters) == list(inspect.signature(method).parameters), name


def test_records(pair: tuple[Node, RemoteNode]) -> None:
    node, remote = pair
    with Node() as other:
        assert remote.connect(other.address) == other.id
        assert [peer.id for peer in remote.peers()] == [other.id] and remote.peers() == node.peers()
        done = remote.put(b"hello")
        assert remote.get(done.key) == node.get(done.key) == other.get(done.key)
        assert remote.put(b"v1", key=b"k").sequence == 1
        assert remote.put(b"v2", key=b"k", expect=1).sequence == 2
        with pytest.raises(Conflict) as caught:
            remote.put(b"v3", key=b"k", expect=1)
        assert (caught.value.expected, caught.value.held) == (1, 2)
        assert remote.get(b"k", kind=Kind.OWNED).value == b"v2"
        assert remote.get(b"k", kind="owned", owner=node.public) == other.get(
            b"k", kind=Kind.OWNED, owner=remote.public
        )
        remote.put(b"a", key=b"name", kind="open")
        other.put(b"b", key=b"name", kind=Kind.OPEN)
        assert sorted(got.value for got in remote.get_all(b"name")) == [b"a", b"b"]
        remote.delete(b"k")
        with pytest.raises(NotFound):
            remote.get(b"k", kind="owned")
        assert remote.refresh() >= 1
        assert remote.stats().peers.linked == 1
        assert (remote.id, remote.address) == (node.id, node.address)


def test_errors_arrive_where_the_call_was_made(pair: tuple[Node, RemoteNode]) -> None:
    _, remote = pair
    with pytest.raises(TooFewReplicas):
        remote.put(b"alone", key=b"k", replicas=2)
    with pytest.raises(CannotDial, match="cannot reach"):
        remote.connect("127.0.0.1:1")
    for timeout in (0, -1, 601, float("nan")):
        with pytest.raises(BadText, match="timeout"):
            remote.put(b"x", timeout=timeout)
    with pytest.raises(BadText, match="kind"):
        remote.get(b"k", kind="other")
    with pytest.raises(ValueError, match="content has no key"):
        remote.put(b"x", kind="owned")
    for size in (65_537, 200_000, 1 << 20):
        with pytest.raises(TooLarge):
            remote.put(b"x" * size, key=b"k", replicas=1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimedOut):
        remote.connect("{}:{}".format(*silent.getsockname()), timeout=0.2)


def test_from_many_threads(pair: tuple[Node, RemoteNode]) -> None:
    _, remote = pair

    def one(number: int) -> bool:
        key = remote.put(b"%d" % number, replicas=1).key
        return remote.get(key).value == b"%d" % number

    with ThreadPoolExecutor(50) as threads:
        assert all(threads.map(one, range(200)))


def test_awaited(pair: tuple[Node, RemoteNode]) -> None:
    node, _ = pair

    async def main(other: Node) -> None:
        await asyncio.to_thread(node.connect, other.address)
        async with RemoteNode(node.config.data_dir) as remote:
            done = await asyncio.gather(*(remote.aput(b"%d" % n, replicas=1) for n in range(500)))
            assert (await remote.aget(done[7].key)).value == b"7"
            with pytest.raises(NotFound):
                await remote.aget(b"\0" * 32)
            with pytest.raises(WouldDeadlock, match="await"):
                remote.get(done[7].key)
            await remote.aput(b"v", key=b"n", kind=Kind.OPEN, replicas=1)
            assert len(await remote.aget_all(b"n")) == 1
            await remote.adelete(b"n", kind=Kind.OPEN)
            assert [peer.id for peer in await remote.apeers()] == [other.id]
            assert (await remote.astats()).api.puts >= 500
            with pytest.raises(CannotDial):
                await remote.aconnect("127.0.0.1:1")
            waiting = asyncio.create_task(remote.aget(b"\1" * 32))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert (await remote.aget(done[8].key)).value == b"8"
        with pytest.raises(WrongState):
            await remote.aget(b"\0" * 32)

    with Node() as other:
        asyncio.run(main(other))


def test_nobody_there(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(NoNode, match="mdht run --data-dir"), RemoteNode(place):
            pass

    async def main() -> None:
        async with RemoteNode(tmp_path):
            pass

    with pytest.raises(NoNode):
        asyncio.run(main())


def test_a_node_that_ends_and_comes_back(tmp_path: Path) -> None:
    remote = RemoteNode(tmp_path)
    config = Config(data_dir=str(tmp_path), store="lmdb")
    with Node(config) as node:
        key = remote.put(b"kept", replicas=1).key
        assert remote.stop() == os.getpid()
        assert node.wait_stopped(20)
        assert holder_of(str(tmp_path)) is None
    with pytest.raises(NoNode):
        remote.get(key)
    with Node(config):
        assert remote.get(key).value == b"kept"
    remote.close()
    with pytest.raises(WrongState):
        remote.get(key)


def test_waiting_for_the_end(tmp_path: Path) -> None:
    node = Node(Config(data_dir=str(tmp_path))).start()
    assert not node.wait_stopped(0.01)

    async def twice() -> None:
        given_up = asyncio.ensure_future(node.await_stopped())
        await asyncio.sleep(0)
        given_up.cancel()
        waiting = asyncio.ensure_future(node.await_stopped())
        with pytest.raises(WouldDeadlock):
            node.wait_stopped()
        await node.aclose()
        await waiting

    asyncio.run(twice())
    assert node.wait_stopped(0.01)


def test_a_node_that_ends_during_a_request(pair: tuple[Node, RemoteNode]) -> None:
    node, remote = pair
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(2) as threads:
        seed = "{}:{}".format(*silent.getsockname())
        waiting = [threads.submit(remote.connect, seed, timeout=20) for _ in range(2)]
        while node.stats().api.waiting < 2:
            pass
        node.close()
        for future in waiting:
            with pytest.raises(NodeGone, match="connect"):
                future.result(20)


class Liar:
    """Something that is no node, where the door should be: it answers whatever comes by `data`, and leaves."""

    def __init__(self, place: Path, data: bytes) -> None:
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(place / "api.sock"))
        self._server.listen(4)
        self._data = data
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        one, _ = self._server.accept()
        with one:
            one.recv(65_536)
            one.sendall(self._data)

    def __enter__(self) -> Liar:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(20)
        self._server.close()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", NodeGone),
        (b"\0\0\0\x10cut", NodeGone),
        (b"\xff\xff\xff\xff", BadFrame),
        (b"HTTP/1.1 400 Bad Request\r\n", BadFrame),
        (b"\0\0\0\5hello", BadMessage),
        (pack_reply(1, {"pid": "text"}), BadMessage),
        (pack_reply(1, []), BadMessage),
        (pack_reply(7, {}), BadFrame),
    ],
)
def test_a_door_that_is_none(tmp_path: Path, data: bytes, error: type[Exception]) -> None:
    with Liar(tmp_path, data), pytest.raises(error):
        RemoteNode(tmp_path).about()


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff\xff", b"\0\0\0\5hello", pack_reply(1, [])])
def test_a_door_that_is_none_awaited(tmp_path: Path, data: bytes) -> None:
    async def main() -> None:
        remote = RemoteNode(tmp_path)
        with pytest.raises((NodeGone, BadFrame, BadMessage)):
            await remote.aabout()
        await remote.aclose()

    with Liar(tmp_path, data):
        asyncio.run(main())


def test_a_full_door(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "api.sock"))
        server.listen(0)
        held = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        for one in held:
            one.setblocking(False)
            one.connect_ex(str(tmp_path / "api.sock"))
        with pytest.raises(DoorClosed):
            RemoteNode(tmp_path).about()
        for one in held:
            one.close()


def test_asking_needs_neither_services_nor_cryptography() -> None:
    code = (
        "import sys, mdht.remote, mdht; "
        "print([m for m in ('asyncio', 'cryptography', 'OpenSSL', 'ipc', 'mdht.services', 'mdht.model', 'rich') "
        "if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
