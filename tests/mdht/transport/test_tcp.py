"""TCP on the loopback, IPv4 and IPv6, on both loops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from ipc.loops import new_loop
from mdht.transport import CannotDial, CannotListen, TcpTransport, Wire, tcp

from .conformance import CHECKS, Ear, Pair, pair


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here needs as long as a peer far away."""
    monkeypatch.setattr(tcp, "CLOSE_S", 0.5)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


HOSTS = ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here"))]
LOOPS = ["asyncio", "uvloop"]


def go(loop: str, main: Callable[[], Awaitable[None]]) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=lambda: new_loop(loop)) as runner:
        runner.run(main())  # type: ignore[arg-type]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conforms(check: Callable[[Pair], Awaitable[None]], host: str, loop: str) -> None:
    async def main() -> None:
        ends = await pair(TcpTransport(), TcpTransport(), host)
        try:
            await check(ends)
        finally:
            await ends.close()
        await asyncio.sleep(0)

    go(loop, main)


@pytest.mark.parametrize("loop", LOOPS)
def test_nobody_there(loop: str) -> None:
    async def main() -> None:
        listening = await TcpTransport().listen("127.0.0.1", 0, Ear)
        listening.close()
        with pytest.raises(CannotDial, match="cannot reach 127"):
            await TcpTransport().dial("127.0.0.1", listening.port, Ear)

    go(loop, main)


@pytest.mark.parametrize("loop", LOOPS)
def test_closed_while_others_come(loop: str) -> None:
    """Whoever was let in has its wire, and can be told; nobody's socket stays open."""

    async def main() -> None:
        for turns in range(6):
            ears: list[Ear] = []

            def begin(wire: Wire, ears: list[Ear] = ears) -> Ear:
                ears.append(Ear(wire))
                return ears[-1]

            listening = await TcpTransport().listen("127.0.0.1", 0, begin)
            with ExitStack() as stack:
                for _ in range(20):
                    stack.enter_context(socket.create_connection(("127.0.0.1", listening.port), 5))
                for _ in range(turns):
                    await asyncio.sleep(0)
                listening.close()
                listening.close()
                await listening.settled()
                for ear in ears:
                    ear.wire.abort()
                for ear in ears:
                    await ear.until(lambda ear=ear: ear.ends == 1)  # type: ignore[misc]
            assert len(ears) == (20 if turns > 1 else len(ears))

    go(loop, main)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_place_that_is_taken(loop: str) -> None:
    async def main() -> None:
        listening = await TcpTransport().listen("127.0.0.1", 0, Ear)
        with pytest.raises(CannotListen, match="choose another address"):
            await TcpTransport().listen("127.0.0.1", listening.port, Ear)
        listening.close()
        await asyncio.sleep(0)

    go(loop, main)


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="not on this platform")
@pytest.mark.parametrize("loop", LOOPS)
def test_the_kernel_takes_little_that_it_cannot_send_yet(loop: str) -> None:
    async def main() -> None:
        ends = await pair(TcpTransport(), TcpTransport(), "127.0.0.1")
        try:
            for wire in (ends.a.wire, ends.b.wire):
                connected = wire._transport.get_extra_info("socket")  # type: ignore[attr-defined]
                assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == tcp._UNSENT_BYTES
        finally:
            await ends.close()
        await asyncio.sleep(0)

    go(loop, main)
