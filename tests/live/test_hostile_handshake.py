"""Lies in the handshake, over real sockets: somebody in between, somebody else, an old recording, a weaker choice."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from mdht.codec import pack_frame
from mdht.codec.frame import FrameReader
from mdht.config import Config
from mdht.errors import LinkRefused
from mdht.node import Node
from mdht.session import Role, binary
from mdht.session.tls import Tls
from tests.mdht.hostile.attacked import attacked
from tests.mdht.hostile.peer import TLS, RawPeer, TlsClient, hello, place, somebody

from .footprint import until

Change = Callable[[str, bytes], bytes]
"""Who said it (`a` dials, `b` answers), and what; gives what is passed on."""


class Between:
    """Somebody between who dials and who answers: a TLS session with each, and every frame passes here in plaintext."""

    def __init__(self, to: str, change: Change | None = None) -> None:
        self.frames: list[tuple[str, bytes]] = []
        self._to = to
        self._change = change or (lambda who, frame: frame)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: dict[str, tuple[socket.socket, Tls]] = {}
        self._readers = {"a": FrameReader(), "b": FrameReader()}
        self._waiting: dict[str, list[bytes]] = {"a": [], "b": []}

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def run(self, within_s: float = 15.0) -> None:
        """Pass on what comes until either side hangs up."""
        self._listener.settimeout(10)
        dialler, _ = self._listener.accept()
        self._ends = {
            "a": (dialler, TLS.answer()),
            "b": (socket.create_connection(place(self._to), 10), TLS.dial()),
        }
        deadline = time.monotonic() + within_s
        while self._ends:
            assert time.monotonic() < deadline, self.frames
            self._turn()

    def _turn(self) -> None:
        for sock, tls in self._ends.values():
            if data := tls.data_to_send():
                sock.sendall(data)
        by_socket = {sock: who for who, (sock, _) in self._ends.items()}
        for sock in select.select(list(by_socket), [], [], 0.02)[0]:
            who = by_socket[sock]
            try:
                data = sock.recv(65_536)
            except ConnectionError:
                data = b""
            if not data:
                self._close_ends()
                return
            for frame in self._readers[who].feed(self._ends[who][1].receive_untrusted(data)):
                self.frames.append((who, frame))
                passed = self._change(who, frame)
                self._waiting[who].append(pack_frame(passed))
        for who, to in (("a", "b"), ("b", "a")):
            tls = self._ends[to][1]
            while self._waiting[who] and tls.established and not tls.peer_closed:
                tls.send(self._waiting[who].pop(0))

    def _close_ends(self) -> None:
        for sock, _ in self._ends.values():
            sock.close()
        self._ends = {}

    def close(self) -> None:
        self._close_ends()
        self._listener.close()


@contextmanager
def between(to: str, change: Change | None = None) -> Iterator[Between]:
    one = Between(to, change)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("secret", ["", "5f" * 32], ids=["public", "private"])
@pytest.mark.parametrize("known", [True, False], ids=["known id", "whoever answers"])
def test_somebody_in_between(known: bool, secret: str, caplog: pytest.LogCaptureFixture) -> None:
    """He changes nothing, and has two TLS sessions where there should be one: the exporter tells."""
    with attacked(caplog, Config(secret=secret)) as node, Node(Config(secret=secret, listen=())) as victim:
        before = node.stats().links.failed
        with between(node.address) as mallory:
            prefix = f"{node.id.hex()}@" if known else ""
            future = victim.connect_future(f"{prefix}127.0.0.1:{mallory.port}", timeout=10)
            mallory.run()
            with pytest.raises(LinkRefused) as caught:
                future.result(10)
            kinds = [frame[0] for _, frame in mallory.frames]
        if secret:
            assert caught.value.reason == "wrong network", "who answers never got as far as a PONG"
            assert binary.Kind.PONG not in kinds
        else:
            assert caught.value.reason == "bad signature" and caught.value.by_us
            assert kinds[:2] == [binary.Kind.PING, binary.Kind.PONG] and binary.Kind.PROOF not in kinds
        assert not victim.peers()
        until(lambda: node.stats().links.failed == before + 1, 10, "it is counted")


def test_encodings_struck_from_the_offer(caplog: pytest.LogCaptureFixture) -> None:
    """In one TLS session there is nobody between; should there be, the hash that is signed is another one."""

    def strike(who: str, frame: bytes) -> bytes:
        parsed = binary.parse_untrusted(frame)
        if isinstance(parsed, binary.Ping):
            return binary.pack(replace(parsed, hello=replace(parsed.hello, encodings=("json",))))
        return frame

    with attacked(caplog) as node, Node(Config(listen=())) as victim:
        with between(node.address, strike) as mallory:
            future = victim.connect_future(f"127.0.0.1:{mallory.port}", timeout=10)
            mallory.run()
            with pytest.raises(LinkRefused, match=r"malformed|bad signature"):
                future.result(10)


def answering() -> tuple[socket.socket, str]:
    """A socket that listens, and its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    return listener, f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_worse_encoding_than_both_have(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers signs it himself; that is noticed, too."""
    listener, address = answering()
    right = binary.pong_body
    with attacked(caplog) as node, listener:
        future = node.connect_future(address, timeout=10)
        with RawPeer(listener.accept()[0], role=Role.ANSWER) as liar, monkeypatch.context() as patch:
            patch.setattr(binary, "pong_body", lambda hello, encoding: right(hello, "json"))  # nobody else answers now
            while not future.done():
                liar.turn(0.02)
        with pytest.raises(LinkRefused, match="malformed"):
            future.result(10)


def test_another_id_than_the_one_dialled(caplog: pytest.LogCaptureFixture) -> None:
    listener, address = answering()
    with attacked(caplog) as node, listener:
        future = node.connect_future(f"{somebody().id.hex()}@{address}", timeout=10)
        with RawPeer(listener.accept()[0], role=Role.ANSWER) as other:
            while not future.done():
                other.turn(0.02)
            assert other.session.peer is None, "nobody has proven anything to it"
        with pytest.raises(LinkRefused, match="other peer"):
            future.result(10)


class Recorder:
    """The TLS of a peer, which notes what it is given to say."""

    def __init__(self, tls: Any) -> None:
        self.tls = tls
        self.said = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tls, name)

    def send(self, plain: bytes) -> None:
        self.said += plain
        self.tls.send(plain)


def test_a_recording_of_a_handshake(caplog: pytest.LogCaptureFixture) -> None:
    """Frames that were right once are wrong in any other TLS session, whoever gets them."""
    with attacked(caplog) as node:
        with RawPeer(socket.create_connection(place(node.address), 10)) as honest:
            recorder = Recorder(honest.session._tls)
            honest.session._tls = recorder  # type: ignore[assignment]
            honest.until(lambda: honest.opened)
        ping, proof = FrameReader().feed(recorder.said)[:2]
        assert [ping[0], proof[0]] == [binary.Kind.PING, binary.Kind.PROOF]
        until(lambda: node.stats().links.links == 1, 10, "the honest one is gone")
        before = node.stats().links.failed
        with TlsClient(node.address) as replay:
            replay.say(pack_frame(ping) + pack_frame(proof))
            pong, refuse = FrameReader().feed(replay.until_over())
        assert pong[0] == binary.Kind.PONG, "a PING may be an old one, and a PONG is all that it gets"
        assert binary.parse_untrusted(refuse) == binary.Refuse("bad signature")
        until(lambda: node.stats().links.failed == before + 1, 10, "it was refused")


def test_a_wrong_secret_and_none(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog, Config(secret="5f" * 32)) as node:
        before = node.stats().links.failed
        for secret in (b"", os.urandom(32)):
            with RawPeer(socket.create_connection(place(node.address), 10), hello(somebody(), secret=secret)) as peer:
                error = peer.until_over()
            assert isinstance(error, LinkRefused) and error.reason == "wrong network"
            assert peer.session.peer is None, "the node has not said who it is"
        until(lambda: node.stats().links.failed == before + 2, 10, "they are counted")


def test_two_nodes_with_one_identity(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node, Node(Config(listen=()), identity=node.identity) as twin:
        with pytest.raises(LinkRefused, match="own id"):
            twin.connect(node.addresses[0])
        with pytest.raises(LinkRefused, match="own id"):
            twin.connect(node.address)


def test_the_identity_of_a_peer_that_is_linked(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever has its key is it: the older link stays as long as it answers."""
    with attacked(caplog) as node, Node() as other:
        other.connect(node.address)
        with RawPeer(socket.create_connection(place(node.address), 10), hello(other.identity)) as thief:
            error = thief.until_over()
        assert isinstance(error, LinkRefused) and error.reason == "duplicate link"
        assert other.put(b"still linked").stored == 2 + 1
