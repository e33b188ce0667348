"""Connections passed on by descriptor: to whoever takes them, to the next where one is dead, and none is lost."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from mdht.transport import Wire
from mdht.transport.passing import Inlet, Outlet, Passed, adopt, inlet_name, new_inlets, remove_inlets


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
    with socket.create_server(("127.0.0.1", 0)) as listening:
        dialled = socket.create_connection(listening.getsockname(), 5)
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
                assert outlet.pass_on(accepted, path) is Passed.TAKEN
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

    async def main() -> None:
        outlet = Outlet()
        dialled, accepted = pair()
        with dialled, accepted:
            assert outlet.pass_on(accepted, path) is Passed.NOBODY, "nobody was ever there"
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
                dead.bind(path)
            assert outlet.pass_on(accepted, path) is Passed.NOBODY, "its process has died, and left the path"
            accepted.getpeername()
        outlet.close()

    asyncio.run(main())


def test_one_that_takes_the_place_of_another(tmp_path: Path) -> None:
    """What the first has left at the path is replaced, and who sends finds the new one by itself."""
    path = str(tmp_path / "0")

    async def main() -> None:
        outlet = Outlet()
        dialled, accepted = pair()
        with dialled, accepted:
            for _ in range(3):
                took: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
                inlet = Inlet(path, took.set_result)
                assert outlet.pass_on(accepted, path) is Passed.TAKEN
                with await asyncio.wait_for(took, 10) as connection:
                    assert connection.getsockname() == accepted.getsockname()
                inlet.close()
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
                    dead.bind(path)
            assert outlet.pass_on(accepted, path) is Passed.NOBODY
        outlet.close()

    asyncio.run(main())


def test_one_that_is_behind_says_when_there_is_room(tmp_path: Path) -> None:
    """All that was taken arrives, in order, and nothing is lost of what was not."""
    path = str(tmp_path / "0")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        got: list[socket.socket] = []
        outlet = Outlet()
        inlet = Inlet(path, got.append)
        dialled, accepted = pair()
        with dialled, accepted:
            sent = 0
            while (passed := outlet.pass_on(accepted, path)) is Passed.TAKEN:
                sent += 1
                assert sent < 100_000
            assert passed is Passed.BEHIND and sent > 10
            room: asyncio.Future[None] = loop.create_future()
            outlet.wait([path], lambda: room.set_result(None))
            await asyncio.wait_for(room, 10)
            assert outlet.pass_on(accepted, path) is Passed.TAKEN
            async with asyncio.timeout(10):
                while len(got) < sent + 1:
                    await asyncio.sleep(0)
        for one in got:
            one.close()
        inlet.close()
        outlet.close()

    asyncio.run(main())


def test_whoever_waits_may_give_up(tmp_path: Path) -> None:
    path = str(tmp_path / "0")

    async def main() -> None:
        outlet = Outlet()
        dialled, accepted = pair()
        with dialled, accepted, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as slow:
            slow.bind(path)
            slow.listen()
            while outlet.pass_on(accepted, path) is Passed.TAKEN:
                pass
            outlet.wait([path, "unknown"], lambda: pytest.fail("nobody has made room"))
            outlet.forget()
            outlet.forget()
            taker, _ = slow.accept()
            with taker:
                taker.recv(100_000)
            await asyncio.sleep(0)
        outlet.close()
        outlet.close()

    asyncio.run(main())


def test_names_that_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there are abstract names, and where they lie in a directory."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    async def main() -> None:
        inlets = new_inlets()
        assert new_inlets() != inlets
        name = inlet_name(inlets, 3)
        took: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        inlet, outlet = Inlet(name, took.set_result), Outlet()
        dialled, accepted = pair()
        with dialled, accepted:
            assert outlet.pass_on(accepted, inlet_name(inlets, 2)) is Passed.NOBODY
            assert outlet.pass_on(accepted, name) is Passed.TAKEN
            (await asyncio.wait_for(took, 10)).close()
        inlet.close()
        outlet.close()
        remove_inlets(inlets)

    asyncio.run(main())
    monkeypatch.setattr("sys.platform", "darwin")
    asyncio.run(main())
    assert len(list(tmp_path.iterdir())) == 1, "the one that was not used"


def test_another_users_end_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(socket, "SO_PEERCRED"):
        pytest.skip("a directory keeps others out here")
    path = str(tmp_path / "0")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        inlet, outlet = Inlet(path, lambda _: pytest.fail("from a stranger")), Outlet()
        dialled, accepted = pair()
        with dialled, accepted, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
            monkeypatch.setattr("os.geteuid", lambda: 4_294_967)
            assert outlet.pass_on(accepted, path) is Passed.NOBODY
            stranger.setblocking(False)
            stranger.connect(path)
            socket.send_fds(stranger, [b"\0"], [accepted.fileno()])
            try:
                assert await asyncio.wait_for(loop.sock_recv(stranger, 1), 10) == b""
            except ConnectionResetError:
                pass
        inlet.close()
        outlet.close()

    asyncio.run(main())


def test_without_a_descriptor_they_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "0")
    left = 2

    def has_descriptor() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    monkeypatch.setattr("mdht.transport.passing._has_descriptor", has_descriptor)

    async def main() -> None:
        took: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        inlet, outlet = Inlet(path, took.set_result), Outlet()
        dialled, accepted = pair()
        with dialled, accepted:
            assert outlet.pass_on(accepted, path) is Passed.TAKEN
            (await asyncio.wait_for(took, 10)).close()
        assert left < 0
        inlet.close()
        outlet.close()

    asyncio.run(main())
