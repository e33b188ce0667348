"""A node with many links: as many threads as with one, a bounded price for each, and nothing of it left at the end."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from mdht.config import Config
from mdht.node import Node
from mdht.session import Role
from tests.mdht.hostile.peer import RawPeer, place
from tests.mdht.hostile.process import NodeProcess

from .footprint import Footprint, back_to, until

LINKS = 500
FIRST = 20
"""Links before memory is looked at: what the first ones load is not theirs."""
LINK_BYTES = 48 << 10
"""The budget of one idle link; where it is exceeded by half, something is wrong."""


@pytest.fixture(autouse=True)
def enough_descriptors() -> Iterator[None]:
    """Both ends of a link may be in one process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 3 * LINKS:
        if hard != resource.RLIM_INFINITY and hard < 3 * LINKS:
            pytest.skip(f"only {hard} descriptors are allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (3 * LINKS, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def raw_links(address: str, count: int) -> Iterator[list[RawPeer]]:
    """So many peers that dial, each with an identity and a link of its own."""
    with ExitStack() as stack:
        yield [stack.enter_context(RawPeer.dial(address)) for _ in range(count)]


@contextmanager
def dialled_links(process: NodeProcess, count: int) -> Iterator[list[RawPeer]]:
    """So many peers that the node dials, likewise."""
    peers: list[RawPeer] = []
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        for _ in range(count):
            process.connect(f"127.0.0.1:{listener.getsockname()[1]}")
            peer = stack.enter_context(RawPeer(listener.accept()[0], role=Role.ANSWER))
            peer.until(lambda peer=peer: peer.opened)  # type: ignore[misc]
            peers.append(peer)
        yield peers


@pytest.mark.timeout(120)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_threads_and_memory_of_many_links(loop: str) -> None:
    """Half of them dialled by the node."""
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    with NodeProcess(IPC_LOOP=loop) as process, ExitStack() as stack:
        address = process.ready().address
        peers = stack.enter_context(raw_links(address, 1))
        one = process.numbers()
        assert one["links"] == 1
        peers += stack.enter_context(raw_links(address, FIRST // 2 - 1))
        peers += stack.enter_context(dialled_links(process, FIRST // 2))
        few = process.numbers()
        peers += stack.enter_context(raw_links(address, (LINKS - FIRST) // 2))
        peers += stack.enter_context(dialled_links(process, (LINKS - FIRST) // 2))
        many = process.numbers()
        assert (many["links"], many["dialled"]) == (LINKS, LINKS // 2)
        assert many["threads"] == one["threads"], "no thread comes with a link"
        assert many["python_threads"] == one["python_threads"]
        each = (many["rss"] - few["rss"]) / (LINKS - FIRST)
        print(f"{loop}: {many['threads']} threads, {each / 1024:.1f} KiB a link")
        assert many["descriptors"] - few["descriptors"] == LINKS - FIRST
        assert each < 1.5 * LINK_BYTES
        for peer in peers:
            peer.close()
        left = until(lambda: (now := process.numbers())["links"] == 0 and now, 20, "they are gone")
        assert left["descriptors"] <= one["descriptors"]
        assert left["threads"] == one["threads"]
        assert left["logged"] == []
        assert process.end() == 0


# -- closing -----------------------------------------------------------------------------------------------------------


def test_closing_with_many_links(before: Footprint) -> None:
    """Everybody is told goodbye; nothing stays."""
    node = Node().start()
    with raw_links(node.address, 100) as peers:
        node.close()
        left = [type(peer.until_over()).__name__ for peer in peers]
        assert left == ["PeerLeft"] * len(peers)
    back_to(before)


@pytest.mark.parametrize("moment", range(8))
def test_closing_while_peers_are_in_their_handshake(moment: int, before: Footprint) -> None:
    """At every step of it: nothing sent, TLS begun, TLS done, PING sent …; and while the node itself dials."""
    with ExitStack() as stack:
        other, node = stack.enter_context(Node()), stack.enter_context(Node())
        for _ in range(10):
            stack.enter_context(begun(node.address, moment))
        dialling = node.connect_future(other.address, timeout=5)
        node.close()
        assert dialling.exception(10) is not None or dialling.result() == other.id
    back_to(before)


def begun(address: str, steps: int) -> RawPeer:
    """A peer that has taken so many steps of the handshake: each is to send, then to read once."""
    peer = RawPeer(socket.create_connection(place(address), 10))
    for _ in range(steps):
        peer.flush()
        if peer.opened:
            break
        peer.turn(2.0)
    return peer


def test_closing_while_requests_wait(before: Footprint) -> None:
    """Of peers that never answer, and of the node's own user: all of them end, and the node does not wait for them."""
    node = Node().start()
    with ExitStack() as stack:
        peers = [stack.enter_context(RawPeer.dial(node.address, answer=lambda request: None)) for _ in range(5)]
        asked = [node.get_future(os.urandom(32), timeout=60) for _ in range(50)]
        asked += [node.put_future(os.urandom(32), timeout=60) for _ in range(50)]
        until(lambda: [peer.turn() for peer in peers] and sum(len(peer.asked) for peer in peers) > 50, 10, "they wait")
        began = time.monotonic()
        node.close()
        assert time.monotonic() - began < 20
        assert all(future.exception(10) is not None for future in asked)
    back_to(before)


def test_again_and_again(before: Footprint) -> None:
    """A hundred nodes one after another, each with a link: what one leaves behind would add up."""
    with Node() as other:
        for number in range(100):
            with Node(Config(listen=())) as node:
                node.connect(other.address)
            if number == 0:
                until(lambda: not other.peers(), 10, "it has left")
                first = Footprint.take().descriptors["socket"]
        until(lambda: not other.peers(), 10, "they have left")
        until(lambda: Footprint.take().tasks - before.tasks <= 1, 5, "only the other one's thread is left")
        assert Footprint.take().descriptors["socket"] <= first
    back_to(before)
