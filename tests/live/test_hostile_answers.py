"""Peers that answer what a node asks: with something else, with too much, with nonsense, or never. All of them are
nearer to what is looked for than the one that has it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from mdht import codec
from mdht.codec import Closest, ErrorCode, Find, Found, FoundAll, Get, GetAll, Put, Stored
from mdht.config import Config
from mdht.errors import NotDone, NotFound, TimedOut, TooFewReplicas
from mdht.limits import EXPIRES_S
from mdht.model import Address, Content, Identity, Kind, PeerRecord, Signed, address_of
from mdht.node import Node
from tests.mdht.hostile.attacked import quiet
from tests.mdht.hostile.peer import RawPeer, hello, somebody

LIARS = 5

Lie = Callable[[Any], Any]
"""A request to what is said to it; None: nothing."""


class Den:
    """A node, an honest one that is linked to it, and liars that are, too."""

    def __init__(self, lie: Lie) -> None:
        self.node = Node()
        self.honest = Node(Config(replicas=1, reads=1))
        self.peers: list[RawPeer] = []
        self._lie = lie
        self._liars = [somebody() for _ in range(LIARS)]

    def open(self, target: Callable[[bytes], bytes], put: Callable[[bytes], object]) -> bytes:
        """Put a value at the honest one that is far from its address, as `target` gives it, and link all; the value."""
        self.node.start()
        self.honest.start()
        while True:
            value = os.urandom(20)
            at = int.from_bytes(target(value), "big")
            far = int.from_bytes(self.honest.id, "big") ^ at
            if all(int.from_bytes(liar.id, "big") ^ at < far for liar in self._liars):
                break
        put(value)
        self.honest.connect(self.node.address)
        for liar in self._liars:
            self.peers.append(RawPeer.dial(self.node.address, hello(liar), answer=self._answer))
        return value

    def _answer(self, request: Any) -> Any:
        return self._lie(request)

    def wait(self, future: Future[Any], within_s: float = 25.0) -> Any:
        """Its result; the liars talk meanwhile."""
        deadline = time.monotonic() + within_s
        while not future.done():
            assert time.monotonic() < deadline, "it never ends"
            for peer in self.peers:
                if not peer.over:
                    peer.turn(0.001)
        return future.result()

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        self.honest.close()
        self.node.close()


@contextmanager
def den(lie: Lie, caplog: pytest.LogCaptureFixture) -> Iterator[Den]:
    one = Den(lie)
    try:
        yield one
    finally:
        one.close()
    quiet(caplog)


def content(value: bytes) -> bytes:
    return Content.make(value).address


# -- lies --------------------------------------------------------------------------------------------------------------

MALLORY = somebody()


def signed(owner: Identity, key: bytes, sequence: int, *, since_s: float = 0.0, kind: Kind = Kind.OWNED) -> Signed:
    now_s = time.time() - since_s
    return Signed.sign(owner, "mdht", kind, key, b"lie", sequence=sequence, expires_s=int(now_s) + 100, now_s=now_s)


def give(record: bytes) -> Lie:
    """This record, whatever is asked for."""

    def lie(request: Any) -> Any:
        if isinstance(request, Get):
            return Found(request.request, record)
        if isinstance(request, GetAll):
            return FoundAll(request.request, [record], 1)
        return Closest(request.request, [])

    return lie


def crowd(_: Any = None) -> list[bytes]:
    """As many new peers as one answer may have, at places where nobody listens."""
    now_s = time.time()
    return [
        PeerRecord.sign(
            somebody(),
            "mdht",
            sequence=1,
            expires_s=int(now_s) + EXPIRES_S - 60,
            now_s=now_s,
            addresses=[Address("tcp", "127.0.0.1", 9)],
        ).pack()
        for _ in range(20)
    ]


def false_peers(_: Any = None) -> list[bytes]:
    """Peer records that nobody signed."""
    return [one[:-1] + bytes([one[-1] ^ 1]) for one in crowd()]


def dripping(request: Any) -> Any:
    """64 records are promised, and come one by one."""
    if isinstance(request, GetAll):
        return FoundAll(request.request, [signed(MALLORY, b"other", 1, kind=Kind.OPEN).pack()], 64)
    return give(Content.make(b"else").pack())(request)


LIES: dict[str, Lie] = {
    "something else": give(Content.make(b"not what you asked for").pack()),
    "somebody's record": give(signed(MALLORY, b"key", 9).pack()),
    "a record that nobody signed": give(replace(signed(MALLORY, b"key", 9), signature=bytes(64)).pack()),
    "an expired record": give(signed(MALLORY, b"key", 9, since_s=3600.0).pack()),
    "no record": give(b"\x02\0\0"),
    "a record of no kind": give(b"\x7f" * 200),
    "drop by drop": dripping,
    "crowds": lambda request: Closest(request.request, crowd()),
    "false peers": lambda request: Closest(request.request, false_peers()),
    "itself": lambda request: Closest(request.request, [hello(MALLORY).handshake.record.pack()] * 20),
    "an error": lambda request: codec.Error(request.request, ErrorCode.INTERNAL, "\u202e" * 256),
    "an unknown error": lambda request: codec.Error(request.request, 200, "", 600_000),
    "nothing": lambda request: None,
}


@pytest.mark.parametrize("what", LIES)
def test_content_is_found_all_the_same(what: str, caplog: pytest.LogCaptureFixture) -> None:
    with den(LIES[what], caplog) as it:
        value = it.open(content, lambda value: it.honest.put(value))
        got = it.wait(it.node.get_future(Content.make(value).key, timeout=20))
        assert got.value == value
        assert any(peer.asked for peer in it.peers), "they were nearer"
        if "record" in what or what == "something else":
            assert it.node.stats().api.forged > 0
        it.peers[0].close()


@pytest.mark.parametrize("what", [what for what in LIES if what != "nothing"])
def test_owned_records_are_found_all_the_same(what: str, caplog: pytest.LogCaptureFixture) -> None:
    with den(LIES[what], caplog) as it:
        owner = it.honest.public
        key = it.open(lambda key: address_of(Kind.OWNED, key, owner), lambda key: it.honest.put(b"v", key=key))
        got = it.wait(it.node.get_future(key, kind=Kind.OWNED, owner=owner, timeout=20))
        assert (got.value, got.sequence) == (b"v", 1)


@pytest.mark.parametrize("what", ["something else", "drop by drop", "crowds"])
def test_open_names_are_found_all_the_same(what: str, caplog: pytest.LogCaptureFixture) -> None:
    with den(LIES[what], caplog) as it:
        key = it.open(lambda key: address_of(Kind.OPEN, key), lambda key: it.honest.put(b"v", key=key, kind=Kind.OPEN))
        (got,) = it.wait(it.node.get_all_future(key, timeout=20))
        assert got.value == b"v"


@pytest.mark.parametrize("what", ["crowds", "false peers", "nothing", "an error"])
def test_what_is_nowhere_is_not_found_in_time(what: str, caplog: pytest.LogCaptureFixture) -> None:
    with den(LIES[what], caplog) as it:
        it.open(content, lambda value: None)
        with pytest.raises((NotFound, TimedOut)):
            it.wait(it.node.get_future(bytes(32), timeout=3), within_s=8)


def wrong_kind(request: Any) -> Any:
    return Stored(request.request, 0) if isinstance(request, Get | GetAll | Find) else Closest(request.request, [])


def test_answers_to_another_question_end_the_link(caplog: pytest.LogCaptureFixture) -> None:
    with den(wrong_kind, caplog) as it:
        value = it.open(content, lambda value: it.honest.put(value))
        assert it.wait(it.node.get_future(Content.make(value).key, timeout=20)).value == value
        assert it.node.stats().links.violations > 0


def test_garbage_instead_of_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    with den(lambda request: None, caplog) as it:
        value = it.open(content, lambda value: it.honest.put(value))
        future = it.node.get_future(Content.make(value).key, timeout=20)
        while not any(peer.asked for peer in it.peers):
            for peer in it.peers:
                peer.turn(0.001)
        for peer in it.peers:
            peer.say(os.urandom(100))
        assert it.wait(future).value == value
        assert it.node.stats().links.violations == LIARS


# -- puts --------------------------------------------------------------------------------------------------------------


def unsaid(request: Any) -> Any:
    """Peers that are found, and never say what became of a put."""
    return None if isinstance(request, Put) else Closest(request.request, [])


def odd_verdicts(request: Any) -> Any:
    return Stored(request.request, 77, 5, 60) if isinstance(request, Put) else Closest(request.request, [])


@pytest.mark.parametrize("lie", [unsaid, odd_verdicts], ids=["never answered", "unknown verdicts"])
def test_puts_count_who_stored(lie: Lie, caplog: pytest.LogCaptureFixture) -> None:
    with den(lie, caplog) as it:
        it.open(content, lambda value: None)
        done = it.wait(it.node.put_future(os.urandom(20), timeout=2), within_s=8)
        assert (done.stored, done.wanted) == (2, 8), "this node and the honest one"


def test_a_put_that_nobody_stores(caplog: pytest.LogCaptureFixture) -> None:
    with den(lambda request: codec.Error(request.request, ErrorCode.FULL, "no room"), caplog) as it:
        it.open(content, lambda value: None)
        it.honest.close()
        with pytest.raises(TooFewReplicas) as caught:
            it.wait(it.node.put_future(os.urandom(20), timeout=5), within_s=10)
        assert isinstance(caught.value, NotDone)
        assert caught.value.stored == 0
