"""The door of a node over its real socket: what good and bad clients get."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mdht.config import Config
from mdht.control import (
    AboutCall,
    Call,
    GetCall,
    PeersCall,
    ProgressCall,
    PutCall,
    ShareCall,
    StatsCall,
    pack_request,
    read_reply,
)
from mdht.control.limits import CLIENT_REQUESTS, CLIENTS, REQUEST_BYTES
from mdht.control.wire import read_failure, read_result, take_frame
from mdht.errors import DoorClosed, NoNode
from mdht.node import Node
from mdht.remote import RemoteNode
from mdht.services.door import service as door_module
from mdht.transport import CannotListen


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node(Config(data_dir=str(tmp_path), timeout_s=2.0)) as node:
        yield node


class Raw:
    """A client that sends what it likes."""

    def __init__(self, node: Node) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(os.path.join(node.config.data_dir, "api.sock"))
        self.kept = bytearray()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, number: int, call: Call) -> None:
        self.send(pack_request(number, call))

    def reply(self) -> tuple[int, Any] | None:
        """Number and result, or the failure; None at the end."""
        while (body := take_frame(self.kept)) is None:
            try:
                data = self.socket.recv(65_536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.kept += data
        reply = read_reply(body)
        return reply.number, read_failure(reply) if reply.failed else read_result(reply)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def test_only_the_owner_may_connect(node: Node) -> None:
    path = os.path.join(node.config.data_dir, "api.sock")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    node.close()
    assert not os.path.exists(path)


def test_many_requests_before_the_first_answer(node: Node) -> None:
    with Raw(node) as client:
        count = 3 * CLIENT_REQUESTS
        client.send(b"".join(pack_request(number, AboutCall()) for number in range(1, count + 1)))
        assert sorted(client.reply()[0] for _ in range(count)) == list(range(1, count + 1))  # type: ignore[index]


def test_slow_ones_do_not_hold_up_quick_ones(node: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Raw(node) as client:
        host, port = silent.getsockname()
        client.send(msgspec_request(1, "connect", {"seed": f"{host}:{port}", "timeout_s": 1.0}))
        client.ask(2, PeersCall())
        assert client.reply() == (2, [])
        number, failure = client.reply() or (0, None)
        assert (number, failure.name) == (1, "TimedOut")  # type: ignore[union-attr]


def msgspec_request(number: int, method: str, arguments: Any) -> bytes:
    body = msgspec.msgpack.encode([number, method, arguments])
    return len(body).to_bytes(4, "big") + body


def test_a_wrong_request_is_told_and_no_more(node: Node) -> None:
    with Raw(node) as client:
        client.send(msgspec_request(1, "fly", {}))
        client.send(msgspec_request(2, "get", {"key": 7}))
        client.send(msgspec_request(3, "put", {"value": b"x", "key": b"k"}))
        client.send(msgspec_request(4, "share", {"path": b"relative", "ticket": b"t"}))
        client.ask(5, PeersCall())
        replies = [client.reply() for _ in range(5)]
        assert [(number, failure.name) for number, failure in replies[:4]] == [  # type: ignore[misc]
            (number, "NotARequest") for number in range(1, 5)
        ]
        assert replies[4] == (5, [])


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "BadFrame"),
        ((REQUEST_BYTES + 1).to_bytes(4, "big"), "BadFrame"),
        (b"\0\0\0\0", "BadFrame"),
        (b"\0\0\0\5hello", "BadMessage"),
        (b"\0\0\0\1\xc1", "BadMessage"),
    ],
)
def test_what_is_no_frame_ends_that_client_alone(node: Node, data: bytes, error: str) -> None:
    with Raw(node) as bad, Raw(node) as good:
        bad.send(data)
        number, failure = bad.reply() or (-1, None)
        assert (number, failure.name) == (0, error)  # type: ignore[union-attr]
        assert bad.reply() is None
        good.ask(1, PeersCall())
        assert good.reply() == (1, [])


def test_clients_that_leave_while_they_wait(node: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        seed = "{}:{}".format(*silent.getsockname())
        for _ in range(5):
            with Raw(node) as client:
                for number in range(1, 10):
                    client.send(msgspec_request(number, "connect", {"seed": seed, "timeout_s": 0.3}))
                client.send(pack_request(10, PutCall(b"x", replicas=1))[:-3])
        with RemoteNode(node.config.data_dir) as remote:
            deadline = time.monotonic() + 20
            while True:
                door = remote.ask(StatsCall())["door"]
                if door["waiting"] <= 1 and door["clients"] == 1:
                    break
                assert time.monotonic() < deadline, door
                time.sleep(0.02)
            assert remote.put(b"fine", replicas=1).stored == 1


def test_so_many_clients_and_no_more(node: Node) -> None:
    clients = [Raw(node) for _ in range(CLIENTS)]
    try:
        for client in clients:
            client.ask(1, PeersCall())
            assert client.reply() == (1, [])
        with pytest.raises(DoorClosed, match=str(CLIENTS)):
            RemoteNode(node.config.data_dir).peers()
    finally:
        for client in clients:
            client.socket.close()


def test_a_client_that_takes_no_answers_is_not_read_on(node: Node) -> None:
    value = b"x" * 60_000
    node.put(value, key=b"big", replicas=1)
    with Raw(node) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.settimeout(0.5)
        asked = 0
        try:
            for asked in range(1, 1_000_000):
                client.ask(asked, GetCall(b"big", "owned"))
        except TimeoutError:
            pass
        assert asked < 100_000  # the socket is full of requests, and the node's memory is not full of answers
        with RemoteNode(node.config.data_dir) as other:
            assert other.get(b"big", kind="owned").value == value


def test_another_user_is_turned_away(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "peer_user", lambda transport: os.geteuid() + 1)
    with Raw(node) as client:
        number, failure = client.reply() or (-1, None)
        assert (number, failure.name) == (0, "DoorClosed")  # type: ignore[union-attr]
        assert client.reply() is None


def test_progress_of_what_is_not_there(node: Node) -> None:
    with Raw(node) as client:
        client.ask(1, ProgressCall(b"ticket"))
        assert client.reply() == (1, None)


def test_what_lies_where_the_socket_belongs(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    config = Config(data_dir=str(tmp_path))
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))  # as a node leaves it that was killed
    with Node(config) as node, RemoteNode(tmp_path) as remote:
        assert remote.id == node.id
    path.write_text("somebody's")
    with pytest.raises(CannotListen, match="no socket"):
        Node(config).start()
    assert path.read_text() == "somebody's"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(path))
        live.listen(1)
        with pytest.raises(CannotListen, match="another node"):
            Node(config).start()
        assert path.exists()


def test_a_long_path(tmp_path: Path) -> None:
    place = tmp_path / ("d" * 120)
    with Node(Config(data_dir=str(place))) as node, RemoteNode(place) as remote:
        assert remote.address == node.address


def test_no_door(tmp_path: Path) -> None:
    with Node(Config(data_dir=str(tmp_path), door=False)), pytest.raises(NoNode):
        RemoteNode(tmp_path).peers()


@pytest.mark.parametrize("placement", ["coroutine", "thread"])
def test_wherever_it_is_placed(tmp_path: Path, placement: str) -> None:
    config = Config(data_dir=str(tmp_path), services={"door": placement})
    with Node(config) as node:
        with RemoteNode(tmp_path) as remote:
            assert remote.about().placements == {"door": placement}
            key = remote.put(b"x", replicas=1).key
            assert node.get(key).value == b"x"
            remote.stop()
        assert node.wait_stopped(20)


def test_a_node_on_a_loop_is_ended_by_who_entered_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with Node(Config(data_dir=str(tmp_path))) as node:
            async with RemoteNode(tmp_path) as remote:
                assert (await remote.aabout()).id == node.id
            stopping = asyncio.create_task(asyncio.to_thread(RemoteNode(tmp_path).stop))
            async with asyncio.timeout(20):
                await node.await_stopped()
            await node.aclose()
            assert await stopping == os.getpid()

    asyncio.run(main())


def test_a_share_is_given_up_when_its_client_leaves(node: Node, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("share") / "file"
    file.write_bytes(os.urandom(40_000_000))
    with Node() as other:
        node.connect(other.address)
        with Raw(node) as client, RemoteNode(node.config.data_dir) as remote:
            client.ask(1, ShareCall(os.fsencode(file), b"ticket"))
            while not remote.ask(StatsCall())["files"]["running"]:
                pass
            client.ask(2, ProgressCall(b"ticket"))
            number, progress = client.reply() or (0, None)
            assert number == 2 and (progress is None or progress["total_bytes"] in (0, 40_000_000))
        with RemoteNode(node.config.data_dir) as remote:
            deadline = time.monotonic() + 20
            while (files := remote.ask(StatsCall())["files"])["running"]:
                assert time.monotonic() < deadline
            assert files["failed"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_another_user_who_can_open_the_socket() -> None:
    code = (
        "import os, socket, sys; one = socket.socket(socket.AF_UNIX); os.setuid(65534); "
        "one.connect(sys.argv[1]); print(one.recv(1000))"
    )
    with tempfile.TemporaryDirectory() as place, Node(Config(data_dir=place)):  # pytest's are of their owner alone
        os.chmod(place, 0o755)
        path = os.path.join(place, "api.sock")
        os.chmod(path, 0o666)
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=30)
        assert "DoorClosed" in done.stdout and "you are user 65534" in done.stdout, done.stderr
