"""The same whole nodes over TCP and TLS under every kind of placement, chosen by the configuration alone."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import psutil
import pytest

from ipc import Closed
from mdht.config import Config
from mdht.errors import Conflict, LinkRefused, NotFound, TooFewReplicas
from mdht.model import Kind
from mdht.node import Node
from mdht.transport import CannotDial, CannotListen

PLACED: dict[str, dict[str, str]] = {
    "inline": {},
    "threads": dict.fromkeys(("store", "peers", "local", "api", "files", "links"), "thread"),
    "coroutines": {"links": "coroutine", "local": "coroutine"},
    "processes": {"store": "process", "api": "process", "links": "process"},
    "processes over zmq": {"store": "process+zmq", "api": "process+zmq", "links": "process+zmq"},
    "links and local in one process": {"links": "process@links", "local": "process@links"},
    "store in two threads": {"store": "thread:2"},
    "store in two processes": {"store": "process:2", "links": "process:2@links", "local": "process:2@links"},
    "links in two processes": {"links": "process:2@links", "local": "process:2@links"},
    "links in two threads": {"links": "thread:2@links", "local": "thread:2@links", "store": "thread"},
}


@pytest.fixture(params=sorted(PLACED))
def config(request: pytest.FixtureRequest) -> Config:
    return Config(services=PLACED[request.param])


def test_records_of_every_kind(config: Config) -> None:
    with Node(config) as a, Node(config) as b, Node() as c:
        assert b.connect(a.address) == a.id
        for one, other in permutations((a, b, c), 2):
            assert one.connect(other.address) == other.id
        assert {peer.id for peer in a.peers()} == {b.id, c.id}
        futures = [b.put_future(b"%d" % number) for number in range(50)]
        keys = [future.result(20).key for future in futures]
        assert [c.get(key).value for key in keys] == [b"%d" % number for number in range(50)]
        assert [a.put(b"v%d" % number, key=b"k").sequence for number in range(3)] == [1, 2, 3]
        with pytest.raises(Conflict) as conflict:
            a.put(b"w", key=b"k", expect=1)
        assert conflict.value.held == 3
        assert c.get(b"k", kind=Kind.OWNED, owner=a.public).value == b"v2"
        for node in (a, b, c):
            node.put(node.id, key=b"name", kind=Kind.OPEN)
        assert {got.owner for got in b.get_all(b"name")} == {a.public, b.public, c.public}
        a.delete(b"k")
        with pytest.raises(NotFound):
            c.get(b"k", kind=Kind.OWNED, owner=a.public)
        with pytest.raises(NotFound):
            b.get(b"\0" * 32)
        stats = a.stats()
        assert (stats.links.links, stats.store.records > 50) == (2, True)


def test_what_is_wrong_is_said(config: Config) -> None:
    with Node(config) as a, Node(replace(config, secret="5f" * 32)) as stranger:
        with pytest.raises(LinkRefused, match="wrong network"):
            stranger.connect(a.address)
        with Node(config) as b, pytest.raises(LinkRefused, match="other peer"):
            b.connect(f"{'00' * 32}@{a.addresses[0]}")
        with pytest.raises(CannotDial, match="cannot reach"):
            a.connect("127.0.0.1:1")
        with pytest.raises(CannotListen, match="Address already in use"), Node(replace(config, listen=a.addresses)):
            pass
        with pytest.raises(TooFewReplicas):
            a.put(b"alone")


def test_bad_bytes_at_the_port(config: Config) -> None:
    with Node(config) as a, Node() as b:
        host, port = a.addresses[0].rsplit(":", 1)
        for data in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"\x16\x03\x01\xff\xff" + b"\0" * 70_000):
            with socket.create_connection((host, int(port)), 5) as one:
                one.settimeout(15)
                try:
                    one.sendall(data)
                    while one.recv(65_536):
                        pass
                except OSError:
                    pass  # it was cut off
        assert b.connect(a.address) == a.id
        assert b.put(b"fine").stored == 2


def test_a_peer_dies_while_asked(config: Config) -> None:
    nodes = [Node(config if number < 2 else Config()).start() for number in range(5)]
    try:
        for node in nodes[1:]:
            node.connect(nodes[0].address)
            node.refresh()
        keys = [nodes[number % 5].put(b"%d" % number).key for number in range(20)]
        asking = [nodes[0].get_future(key) for key in keys for _ in range(3)]
        nodes[4].close()
        assert [future.result(20).value for future in asking] == [b"%d" % (n // 3) for n in range(60)]
    finally:
        for node in nodes:
            node.close()


def test_lmdb_keeps_what_was_acknowledged(config: Config, tmp_path: Path) -> None:
    kept = replace(config, data_dir=str(tmp_path / "node"), store="lmdb")
    with Node(kept) as a, Node() as b:
        first = a.id
        b.connect(a.address)
        futures = [b.put_future(b"%d" % number) for number in range(40)]
        keys = [future.result(20).key for future in futures]
        b.put(b"mine", key=b"k")
        owner = b.public
    with Node(kept) as a, Node() as c:
        assert a.id == first
        c.connect(a.address)
        assert [c.get(key).value for key in keys] == [b"%d" % number for number in range(40)]
        assert c.get(b"k", kind=Kind.OWNED, owner=owner).value == b"mine"


def test_closing_with_requests_in_flight(config: Config) -> None:
    threads, children = threading.active_count(), _children()
    a, b = Node(config).start(), Node().start()
    b.connect(a.address)
    a.connect(b.address)
    puts = [b.put_future(b"%d" % number) for number in range(100)]
    own = [a.put_future(b"%d" % number) for number in range(100)]
    a.close()
    for future in own:
        assert isinstance(future.exception(10), Closed) or future.result().stored == 2
    for future in puts:
        assert isinstance(future.exception(30), TooFewReplicas) or future.result().stored >= 1
    b.close()
    assert threading.active_count() == threads
    assert _children() == children


def _children() -> int:
    """Processes of services: the standard library's own helpers aside."""
    return sum("mdht" in " ".join(child.cmdline()) for child in psutil.Process().children(recursive=True))
