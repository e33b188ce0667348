"""Connections passed on by descriptor: to whoever takes them, to the next where one is dead, and none is lost."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from mdht.transport import CannotListen, Wire
from mdht.transport.passing import Inlet, Outlet, adopt, bind


class Echo:
    """A receiver that says what it hears."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def received(self, data: bytes) -> None:
        self.wire.write(data.upper())

    def writable(self) -> None:
        pass

    def ended(self) -> None:
        pass


def pair() -> tuple[socket.socket, socket.socket]:
    """A dialled connection, and the same as it was accepted."""
    with bind("127.0.0.1", 0) as listening:
        dialled = socket.create_connection(listening.getsockname(), 5)
        listening.setblocking(True)
        accepted, _ = listening.accept()
    return dialled, accepted


def test_a_wire_of_a_connection_that_was_accepted_elsewhere(tmp_path: Path) -> None:
    path = str(tmp_path / "0")
    tasks: list[asyncio.Task[None]] = []

    async def main() -> bytes:
        def took(connection: socket.socket) -> None:
            assert not os.get_inheritable(connection.fileno())
            tasks.append(asyncio.ensure_future(adopt(connection, Echo)))

        inlet, outlet = Inlet(path, took), Outlet()
        dialled, accepted = pair()
        with dialled:
            with accepted:
                assert outlet.pass_on(accepted, path)
            dialled.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(dialled, b"hello")
            heard = await asyncio.wait_for(loop.sock_recv(dialled, 100), 10)
        inlet.close()
        inlet.close()
        outlet.close()
        return heard

    assert asyncio.run(main()) == b"HELLO"
    assert not os.path.exists(path)


def test_nobody_takes_it(tmp_path: Path) -> None:
    path = str(tmp_path / "0")
    outlet = Outlet()
    dialled, accepted = pair()
    with dialled, accepted:
        assert not outlet.pass_on(accepted, path), "nobody was ever there"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
            dead.bind(path)
        assert not outlet.pass_on(accepted, path), "its process has died, and left the path"
        accepted.getpeername()
    outlet.close()


def test_what_a_dead_one_left_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "0")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(path)

    async def main() -> int:
        took: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        inlet, outlet = Inlet(path, took.set_result), Outlet()
        dialled, accepted = pair()
        with dialled, accepted:
            assert outlet.pass_on(accepted, path)
            connection = await asyncio.wait_for(took, 10)
            with connection:
                port: int = connection.getsockname()[1]
        inlet.close()
        outlet.close()
        return port

    assert asyncio.run(main()) > 0


def test_one_that_is_behind_takes_no_more(tmp_path: Path) -> None:
    path = str(tmp_path / "0")
    outlet = Outlet()
    dialled, accepted = pair()
    with dialled, accepted, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as slow:
        slow.bind(path)
        passed = 0
        while outlet.pass_on(accepted, path):
            passed += 1
            assert passed < 100_000
        assert passed > 0
    outlet.close()


def test_where_to_listen() -> None:
    with bind("127.0.0.1", 0) as one:
        port = one.getsockname()[1]
        with pytest.raises(CannotListen, match="in use"):
            bind("127.0.0.1", port)
    with pytest.raises(CannotListen, match="IP address"):
        bind("localhost", 0)
