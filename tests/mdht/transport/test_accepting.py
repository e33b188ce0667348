"""Who connects is let in, or waits in the kernel; where to listen, and why not there."""

from __future__ import annotations

import asyncio
import socket

import pytest

from mdht.transport import CannotListen
from mdht.transport.accepting import Acceptor, family_of, listeners_at


def test_where_to_listen() -> None:
    async def main() -> None:
        (one,) = await listeners_at("127.0.0.1", 0)
        port = one.getsockname()[1]
        with pytest.raises(CannotListen, match="in use"):
            await listeners_at("127.0.0.1", port)
        one.close()
        named = await listeners_at("localhost", 0)
        assert len({each.getsockname()[1] for each in named}) == 1, "all at one port"
        for each in named:
            each.close()
        with pytest.raises(CannotListen):
            await listeners_at("no.such.host.invalid", 0)
        with pytest.raises(CannotListen):
            await listeners_at("203.0.113.1", 0)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("127.0.0.1", socket.AF_INET),
        ("::1", socket.AF_INET6),
        ("localhost", None),
        ("fe80::1%eth0", None),
    ],
)
def test_addresses_need_no_resolver(host: str, family: socket.AddressFamily | None) -> None:
    assert family_of(host) is family


def test_who_is_let_in_and_who_waits() -> None:
    """Paused in the middle of a turn, it takes nobody more; who waits is let in later, in order."""

    async def main() -> None:
        took: list[socket.socket] = []

        def take(connection: socket.socket) -> None:
            assert not connection.getblocking()
            took.append(connection)
            if len(took) == 2:
                acceptor.pause()

        listening = await listeners_at("127.0.0.1", 0)
        acceptor = Acceptor(listening, take)
        dialled = [socket.create_connection(listening[0].getsockname(), 5) for _ in range(5)]
        async with asyncio.timeout(10):
            while len(took) < 2:
                await asyncio.sleep(0)
            for _ in range(10):
                await asyncio.sleep(0)
            assert len(took) == 2
            acceptor.pause()
            acceptor.resume()
            acceptor.resume()
            while len(took) < 5:
                await asyncio.sleep(0)
        assert [one.getpeername() for one in took] == [one.getsockname() for one in dialled]
        acceptor.close()
        acceptor.close()
        for one in (*took, *dialled):
            one.close()

    asyncio.run(main())


def test_no_descriptor_left(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, and who waits is let in as soon as there is room."""

    class Full(socket.socket):
        refusals = 3

        def accept(self) -> tuple[socket.socket, object]:
            if Full.refusals:
                Full.refusals -= 1
                raise OSError(24, "Too many open files")
            return super().accept()

    async def main() -> None:
        took: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        listening = Full(socket.AF_INET, socket.SOCK_STREAM)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        acceptor = Acceptor([listening], took.set_result)
        with socket.create_connection(listening.getsockname(), 5), await asyncio.wait_for(took, 10):
            acceptor.close()

    asyncio.run(main())
    assert len([one for one in caplog.records if "allow more open files" in one.getMessage()]) == 1
