"""Many at once, who never prove who they are; and a place that is taken."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mdht.codec import Find
from mdht.config import Config, Limits
from mdht.limits import HALF_OPEN_SUBNET
from mdht.node import Node
from mdht.services.links import wires as links
from mdht.transport import CannotListen
from tests.mdht.hostile.attacked import attacked
from tests.mdht.hostile.peer import RawPeer, TlsClient, place
from tests.mdht.hostile.process import NodeProcess

from .footprint import until

CROWD = 1_000
HELD = 256
"""As many are half-open at most."""


class Crowd:
    """Connections that say nothing, made by a thread of their own."""

    def __init__(self, address: str, count: int) -> None:
        self.sockets: list[socket.socket] = []
        self._place = place(address)
        self._count = count
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while len(self.sockets) < self._count and not self._stop.is_set():
            self.sockets.append(socket.create_connection(self._place, 10))

    def __enter__(self) -> Crowd:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(20)
        for one in self.sockets:
            one.close()

    def all(self) -> None:
        """Wait until they are all there."""
        until(lambda: len(self.sockets) == self._count, 30, "they are connected")


def test_a_thousand_half_open_handshakes(caplog: pytest.LogCaptureFixture) -> None:
    """As many as may are held, the oldest go, and honest ones come through, before, meanwhile and after."""
    with attacked(caplog) as node, ExitStack() as stack:
        crowd = stack.enter_context(Crowd(node.address, CROWD))
        for _ in range(5):
            stack.enter_context(_dialled_at_last(node.address))
        crowd.all()
        until(lambda: node.stats().links.answered >= CROWD, 30, "they are accepted")
        stats = node.stats().links
        assert stats.half_open <= HELD
        assert stats.dropped >= CROWD - HELD - 10
        stack.enter_context(RawPeer.dial(node.address))
        assert node.stats().links.links == 1 + 6


def _dialled_at_last(address: str) -> RawPeer:
    """While hundreds a second come, an honest one may be pushed out, and dials again."""
    for _ in range(10):
        peer = RawPeer(socket.create_connection(place(address), 10))
        peer.until(lambda peer=peer: peer.opened or peer.over)  # type: ignore[misc]
        if peer.opened:
            return peer
        peer.close()
    raise AssertionError("nobody gets through")


def test_half_open_after_tls(caplog: pytest.LogCaptureFixture) -> None:
    """TLS was set up, and then nothing: those are bounded alike, and are told why they go."""
    with attacked(caplog, Config(limits=Limits(half_open=8))) as node, ExitStack() as stack:
        clients = [stack.enter_context(TlsClient(node.address)) for _ in range(20)]
        until(lambda: node.stats().links.dropped == 12, 10, "the oldest are dropped")
        assert node.stats().links.half_open == 8
        assert b"too many" in clients[0].until_over()


@pytest.fixture
def one_subnet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Peers of this machine count as strangers of one subnet."""
    monkeypatch.setattr(links, "is_local", lambda host: False)
    yield


@pytest.mark.usefixtures("one_subnet")
def test_a_subnet_pushes_out_only_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node, Crowd(node.address, 100) as crowd:
        crowd.all()
        until(lambda: node.stats().links.answered >= 100, 30, "they are accepted")
        stats = node.stats().links
        assert stats.half_open <= HALF_OPEN_SUBNET
        assert stats.dropped >= 100 - HALF_OPEN_SUBNET


def test_more_links_than_may_be(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog, Config(limits=Limits(links=8))) as node, ExitStack() as stack:
        peers = [stack.enter_context(RawPeer.dial(node.address)) for _ in range(7)]
        with RawPeer(socket.create_connection(place(node.address), 10)) as late:
            error = late.until_over()
        assert getattr(error, "reason", "") == "too many"
        assert node.stats().links.links == 8
        for peer in peers[:2]:
            peer.close()
        until(lambda: node.stats().links.links == 6, 10, "there is room again")
        stack.enter_context(RawPeer.dial(node.address))


def test_no_descriptor_is_left() -> None:
    """Nobody is let in for a while, which is said; then everybody is, without a restart."""
    with NodeProcess() as process, ExitStack() as stack:
        address = process.ready().address
        friend = stack.enter_context(RawPeer.dial(address))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (60, 1_000))
        crowd = stack.enter_context(Crowd(address, 100))
        crowd.all()
        friend.until(lambda: friend.ask(lambda number: Find(number, bytes(32), 20)))
        crowd.close()
        stack.enter_context(RawPeer.dial(address))
        numbers = process.numbers()
        assert numbers["links"] == 2
        assert numbers["logged"] and all("allow more open files" in line for line in numbers["logged"])
        assert process.end() == 0


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotListen, match=f"{where}.*choose another address, or stop what has it"):
            Node(Config(listen=(where,))).start()
    with Node(Config(listen=(where,))) as node:
        assert node.addresses == (where,)
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1"):
        Node(Config(listen=("192.0.2.1:7000",))).start()
