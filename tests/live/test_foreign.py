"""What comes from others by a ZeroMQ socket is counted and dropped; the sockets are private, and their paths short."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

import ipc
from ipc import Client, ServiceDied, Supervisor
from ipc.codec import dumps

from .footprint import run_dirs, until
from .services import Where

ROOT = Path(ipc.__file__).parents[1]


@pytest.fixture
def tree() -> Iterator[Supervisor]:
    with Supervisor() as tree:
        tree.add("where", Where(), "process+zmq")
        yield tree


@pytest.fixture
def endpoint(tree: Supervisor) -> str:
    """The path of the service's socket."""
    tree.client("where").call(1)
    (directory,) = run_dirs()
    (name,) = os.listdir(directory)
    return f"{directory}/{name}"


def bad_frames(tree: Supervisor) -> int:
    return tree.stats()["where"].bad_frames


def test_the_directory_is_private(endpoint: str) -> None:
    assert os.stat(os.path.dirname(endpoint)).st_mode & 0o777 == 0o700
    assert os.stat(os.path.dirname(endpoint)).st_uid == os.getuid()


def test_a_foreign_dealer_is_counted(tree: Supervisor, endpoint: str) -> None:
    client = tree.client("where")
    pid, _ = client.call(1)
    context = zmq.Context()
    try:
        for identity in (os.urandom(16), b"\x01" + os.urandom(15), b"a"):
            before = bad_frames(tree)
            dealer = context.socket(zmq.DEALER)
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.setsockopt(zmq.ROUTING_ID, identity)
            dealer.connect(f"ipc://{endpoint}")
            messages = [b"", b"garbage", dumps([[0, 1, 1, 0, 1e18, [], 1, [1]]]), dumps([[4, 1]]), os.urandom(70_000)]
            for message in messages:
                dealer.send(message)
            dealer.send_multipart([b"", b"many", b"parts"])
            until(lambda: bad_frames(tree) == before + len(messages) + 1, 5.0, "each is counted")  # noqa: B023
            assert dealer.poll(50) == 0, "nobody answers a stranger"
            dealer.close()
            assert client.call(2) == [pid, 2]
    finally:
        context.term()


def test_raw_bytes_on_the_socket_do_no_harm(tree: Supervisor, endpoint: str) -> None:
    client = tree.client("where")
    pid, _ = client.call(1)
    for data in (
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        os.urandom(10_000),
        b"\xff" + b"\0" * 8 + b"\x7f",
        b"\xff" * 64,
        b"\0" * 64,
    ):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(endpoint)
            try:
                raw.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                continue  # refused in the middle of it
        assert client.call(data) == [pid, data]
    assert tree.stats()["where"].restarts == 0


def test_garbage_from_a_stranger_that_speaks_zmtp_is_counted(tree: Supervisor, endpoint: str) -> None:
    client = tree.client("where")
    pid, _ = client.call(1)
    before = bad_frames(tree)
    greeting = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" * 32
    ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x03raw"
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(endpoint)
        raw.settimeout(5.0)
        raw.sendall(greeting)
        answer = b""
        while b"READY" not in answer:
            answer += raw.recv(1000)
        raw.sendall(b"\x04" + bytes([len(ready)]) + ready)
        raw.sendall(b"\x00\x07garbage")
        until(lambda: bad_frames(tree) == before + 1, 5.0, "the message is counted")
        raw.sendall(b"\x02" + (1 << 40).to_bytes(8, "big") + b"truncated, and too long")
    assert client.call(2) == [pid, 2]


@pytest.mark.parametrize("placement", ["process+zmq", "process+pipe", "thread+zmq", "thread+pipe"])
def test_garbage_on_our_own_wire_is_counted(placement: str) -> None:
    good = dumps([[0, 1, 1, 0, 1e18, [], 1, [1]]])
    garbage = [
        b"\xc1",
        b"",
        good[:-1],
        dumps(["x"]),
        dumps([[0]]),
        dumps([[99, 1]]),
        dumps(7),
        dumps([[3, 1, 1, 1]]),
        b"\xdd\xff\xff\xff\xff",
    ]
    with Supervisor(max_restarts=1000) as tree:
        tree.add("where", Where(), placement)
        client = tree.client("where")
        pid, _ = client.call(1)
        for count, data in enumerate(garbage, 1):
            send_raw(client, data)
            until(lambda count=count: bad_frames(tree) >= count, 5.0, f"{data!r} is counted")  # type: ignore[misc]

            def serves() -> bool:
                try:
                    return bool(client.call(2, timeout=5.0) == [pid, 2])
                except ServiceDied:
                    return False

            until(serves, 5.0, "the service goes on")
        assert tree.stats()["where"].restarts == 0


def send_raw(client: Client, payload: bytes) -> None:
    """Send bytes as if they were a frame."""
    wire = until(lambda: client._port.senders[0].wire, 5.0, "the sender has a way")
    with wire.send_lock:
        wire.carrier.send([len(payload).to_bytes(4, "big") + payload])


PROGRAM = """
from ipc import Supervisor, launch
from tests.live.services import Echo
if __name__ == "__main__":
    for placement in ("process+zmq", "process+pipe", "thread+zmq"):
        with launch(Echo(), placement) as echo:
            assert echo.call(1) == 1
    print("works")
"""


@pytest.mark.parametrize("variable", ["TMPDIR", "XDG_RUNTIME_DIR"])
def test_a_temporary_directory_with_a_long_path(variable: str, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 75) / ("e" * 75)
    deep.mkdir(parents=True)
    assert len(str(deep)) >= 150
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": "", variable: str(deep)}
    done = subprocess.run(
        [sys.executable, str(program)], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "works\n", "")
    assert os.listdir(deep) == []
