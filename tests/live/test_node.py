"""Whole nodes over TCP and TLS, each in a thread of its own, or all on one loop."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ipc import Closed, WouldDeadlock
from mdht.config import SERVICES, Config
from mdht.errors import Conflict, LinkRefused, NotFound, TooFewReplicas, WrongState
from mdht.model import Kind
from mdht.node import Node
from mdht.testnet import TestNet
from mdht.transport import CannotDial, CannotListen


def test_two_nodes() -> None:
    with Node() as a, Node() as b:
        assert b.connect(a.address) == a.id
        done = b.put(b"hello")
        assert (done.stored, done.wanted) == (2, 8)
        assert a.get(done.key).value == b"hello"
        (peer,) = a.peers()
        assert (peer.id, peer.dialled) == (b.id, False)
        assert a.stats().links.links == 1
        assert threading.active_count() == 3, "one thread a node"


def test_futures_and_awaited() -> None:
    with TestNet(2) as net:
        futures = [net[0].put_future(b"%d" % number) for number in range(50)]
        keys = [future.result(10).key for future in futures]
        assert [net[1].get_future(key).result(10).value for key in keys] == [b"%d" % number for number in range(50)]

        async def main() -> None:
            assert (await net[1].aget(keys[7])).value == b"7"
            with pytest.raises(WouldDeadlock):
                net[1].get(keys[7])
            with pytest.raises(WouldDeadlock):
                net[1].close()
            await net[1].aclose()
            await net[1].aclose()

        asyncio.run(main())
        with pytest.raises(NotFound):
            net[0].get(b"\0" * 32)


def test_all_on_one_loop() -> None:
    async def main() -> None:
        before = threading.active_count()
        async with TestNet(8) as net:
            assert threading.active_count() == before
            with pytest.raises(WouldDeadlock, match="aclose"):
                net[3].close()
            done = await net[0].aput(b"hello")
            assert done.stored == 8
            for node in net:
                assert (await node.aget(done.key)).value == b"hello"
            await net[1].aput(b"one", key=b"k")
            with pytest.raises(Conflict):
                await net[1].aput(b"two", key=b"k", expect=4)
            for number in (2, 3):
                await net[number].aput(b"%d" % number, key=b"name", kind=Kind.OPEN)
            assert len(await net[7].aget_all(b"name")) == 2
            await net[1].adelete(b"k")
            with pytest.raises(NotFound):
                await net[4].aget(b"k", kind=Kind.OWNED, owner=net[1].identity.public)

    asyncio.run(main())


@pytest.mark.parametrize(
    "placements",
    [
        {"store": "thread"},
        {"store": "thread", "local": "thread"},
        dict.fromkeys(SERVICES, "coroutine"),
        dict.fromkeys(SERVICES, "thread"),
    ],
    ids=["store apart", "store and local apart", "coroutines", "a thread each"],
)
def test_services_live_where_they_are_placed(placements: dict[str, str]) -> None:
    config = Config(services=placements)
    with Node(config) as a, Node(config) as b, Node() as c:
        b.connect(a.address)
        c.connect(a.address)
        futures = [b.put_future(b"%d" % number) for number in range(50)]
        keys = [future.result(20).key for future in futures]
        assert [c.get(key).value for key in keys] == [b"%d" % number for number in range(50)]
        assert a.put(b"v", key=b"k").stored == 3
        with pytest.raises(Conflict):
            a.put(b"w", key=b"k", expect=7)


def test_ipv6() -> None:
    try:
        with Node(Config(listen=("[::1]:0",))) as a, Node(Config(listen=("[::1]:0",))) as b:
            assert a.connect(b.address) == b.id
            assert a.put(b"six").stored == 2
    except CannotListen:
        pytest.skip("no IPv6 here")


def test_dialled_at_once_over_tcp() -> None:
    for _ in range(5):
        with Node() as a, Node() as b:
            both = [a.connect_future(b.address), b.connect_future(a.address)]
            assert [future.result(20) for future in both] == [b.id, a.id]
            deadline = time.monotonic() + 10
            while (len(a.peers()), len(b.peers())) != (1, 1):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert a.put(b"x").stored == 2


def test_private_networks() -> None:
    private = Config(secret="5f" * 32)
    with Node(private) as a, Node(private) as b, Node(replace(private, secret="6a" * 32)) as c, Node() as d:
        assert a.connect(b.address) == b.id
        for stranger in (c, d):
            with pytest.raises(LinkRefused, match="wrong network"):
                stranger.connect(a.address)
            with pytest.raises(LinkRefused, match="wrong network"):
                a.connect(stranger.address)


def test_nobody_and_the_wrong_one() -> None:
    with Node() as a, Node() as b:
        with pytest.raises(CannotDial, match="cannot reach"):
            a.connect("127.0.0.1:1")
        with pytest.raises(LinkRefused, match="other peer"):
            a.connect(f"{'00' * 32}@{b.addresses[0]}")
        with pytest.raises(CannotListen), Node(Config(listen=(a.addresses[0],))):
            pass


def test_bad_bytes_at_the_port() -> None:
    with Node() as a, Node() as b:
        host, port = a.addresses[0].rsplit(":", 1)
        for data in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"\x16\x03\x01\xff\xff" + b"\0" * 70_000, b""):
            with socket.create_connection((host, int(port)), 5) as one:
                one.settimeout(15)
                try:
                    one.sendall(data)
                    one.shutdown(socket.SHUT_WR)
                    while one.recv(65_536):
                        pass
                except OSError:
                    pass  # it was cut off
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(socket.create_connection((host, int(port)), 5)) as one:
            one.settimeout(15)
            one.sendall(b"\0\0\0\x05hello")
            try:
                while one.recv(65_536):
                    pass
            except OSError:
                pass
        assert b.connect(a.address) == a.id
        assert b.put(b"fine").stored == 2
        stats = a.stats()
        assert (stats.links.links, stats.links.half_open) == (1, 0)


def test_a_node_dies_while_asked() -> None:
    with TestNet(6) as net:
        keys = [net[number % 6].put(b"%d" % number).key for number in range(30)]
        asking = [net[0].get_future(key) for key in keys for _ in range(3)]
        net[5].close()
        net[4].close()
        assert [future.result(20).value for future in asking] == [b"%d" % (n // 3) for n in range(90)]
        with pytest.raises(WrongState):
            net[5].get(keys[0])


def test_lmdb_keeps_records_and_the_identity(tmp_path: Path) -> None:
    config = Config(data_dir=str(tmp_path / "node"), store="lmdb")
    with Node(config) as a, Node() as b:
        first = a.id
        b.connect(a.address)
        futures = [b.put_future(b"%d" % number) for number in range(40)]
        keys = [future.result(20).key for future in futures]
        b.put(b"mine", key=b"k")
        owner = b.identity.public
    assert stat.S_IMODE((tmp_path / "node" / "identity.pem").stat().st_mode) == 0o600
    with Node(config) as a, Node() as c:
        assert a.id == first
        c.connect(a.address)
        assert [c.get(key).value for key in keys] == [b"%d" % number for number in range(40)]
        assert c.get(b"k", kind=Kind.OWNED, owner=owner).value == b"mine"


def test_closing_with_requests_in_flight(tmp_path: Path) -> None:
    a, b = Node(Config(data_dir=str(tmp_path), store="lmdb")).start(), Node().start()
    b.connect(a.address)
    puts = [b.put_future(b"%d" % number) for number in range(200)]
    own = [a.put_future(b"%d" % number) for number in range(200)]
    a.close()
    for future in own:
        assert isinstance(future.exception(10), Closed) or future.result().stored == 2
    for future in puts:
        assert isinstance(future.exception(30), TooFewReplicas) or future.result().stored >= 1
    b.close()
