"""What a proven peer may try on its link: bytes, messages at the wrong time, records that are not what they claim, too
much of everything. It costs itself its link, or it is told no; nobody else notices.
"""

from __future__ import annotations

import functools
import random
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mdht import codec
from mdht.codec import (
    Claim,
    Closest,
    ErrorCode,
    Find,
    Found,
    Get,
    Goodbye,
    Moving,
    Put,
    Stored,
    StreamClose,
    StreamCredit,
    StreamData,
    StreamOpen,
    StreamReset,
    Verdict,
)
from mdht.config import Config
from mdht.errors import RemoteError
from mdht.limits import EXPIRES_S, LINK_REQUESTS, LINK_STREAMS, VALUE_BYTES, WRITE_BUFFER_BYTES
from mdht.model import Content, Identity, Kind, Signed
from mdht.services.links import service as links
from mdht.session import PeerLeft, SessionConfig
from mdht.transport import tcp
from tests.mdht.hostile.attacked import attacked
from tests.mdht.hostile.mutations import mutated
from tests.mdht.hostile.peer import RawPeer, hello, somebody
from tests.mdht.hostile.traffic import MESSAGES, message

from .footprint import until

TARGET = bytes(32)


def over(peer: RawPeer, reason: str) -> str:
    """The node ends the link, and says why; the text that it sends."""
    error = peer.until_over()
    assert isinstance(error, PeerLeft), error
    assert error.reason == reason
    return error.text


# -- what is no message, or comes at the wrong time --------------------------------------------------------------------


GARBAGE: dict[str, bytes] = {
    "an empty frame": b"\0\0\0\0",
    "an oversized frame": b"\x7f\xff\xff\xff",
    "random": b"\0\0\x01\0" + random.Random(1).randbytes(256),
    "a map": b"\0\0\0\x01\x80",
    "nested": b"\0\0\x40\0" + b"\x91" * 0x4000,
    "a long array that is not there": b"\0\0\0\x05\xdd\xff\xff\xff\xff",
    "long bytes that are not there": b"\0\0\0\x08\x93\x02\x01\xc6\xff\xff\xff\xff",
    "a frame of the handshake": b"\0\0\0\x01\x04",
}


@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.parametrize("name", ["msgpack", "json"])
def test_garbage(what: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node:
        before = node.stats().links.violations
        with RawPeer.dial(node.address, hello(somebody(), encodings=(name,))) as peer:
            peer.say_plain(GARBAGE[what])
            assert over(peer, "protocol")
        assert node.stats().links.violations == before + 1


OUT_OF_PLACE: dict[str, list[Any]] = {
    "an answer to nothing": [Found(2, b"\x01value")],
    "an answer to its own question": [Closest(1, [])],
    "a request with our numbers": [Get(2, TARGET)],
    "the same number twice": [Put(1, b"\x01v"), Put(1, b"\x01w")],
    "data of no stream": [StreamData(7, b"data")],
    "credit of no stream": [StreamCredit(8, 1)],
    "the end of no stream": [StreamClose(7)],
    "the reset of no stream": [StreamReset(2, 9)],
}


@pytest.mark.parametrize("what", [what for what in OUT_OF_PLACE if "twice" not in what])
def test_messages_out_of_place(what: str, caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node:
        before = node.stats().links.violations
        with RawPeer.dial(node.address) as peer:
            peer.say_message(*OUT_OF_PLACE[what])
            assert "rule" in over(peer, "protocol")
        assert node.stats().links.violations == before + 1


def test_messages_of_newer_versions(caplog: pytest.LogCaptureFixture) -> None:
    """They are answered, or ignored; the link stays."""
    pack = struct.Struct(">B").pack
    with attacked(caplog) as node, RawPeer.dial(node.address) as peer:
        peer.say(*[b"\x92" + pack(tag) + b"\x01" for tag in (16, 17, 18, 40)])
        peer.say(*[b"\x92" + pack(tag) + b"\x01" for tag in (64, 90, 112, 127)])
        peer.count_on(11)
        assert isinstance(peer.ask(lambda number: Get(number, TARGET)), Closest)
        peer.say_message(Claim(b"no peer record"))
        assert isinstance(peer.ask(lambda number: Get(number, TARGET)), Closest)
        peer.close()


def test_garbage_after_the_goodbye(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node:
        before = node.stats().links.violations
        with RawPeer.dial(node.address) as peer:
            goodbye = codec.pack_frame(peer.encoding.encode(Goodbye(0, "bye")))
            peer.say_plain(goodbye + codec.pack_frame(b"\xc1" * 500) * 10)
            until(lambda: node.stats().links.links == 1, 10, "it is heard")
            for _ in range(50):
                peer._write(random.Random(3).randbytes(1000))
            peer.until_over()
        assert node.stats().links.violations == before


def test_bytes_that_are_not_tls_any_more(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node:
        before = node.stats().links.violations
        with RawPeer.dial(node.address) as peer:
            peer._write(b"\x17\x03\x03\x00\x20" + bytes(32))
            assert isinstance(peer.until_over(), RemoteError)
        assert node.stats().links.violations == before + 1


@pytest.mark.parametrize(
    "ends",
    [
        [StreamReset(1, 9, "no more")],
        [StreamData(1, b"too early")],
        [StreamClose(1)],
        [StreamReset(1, 9), StreamOpen(1, 1, b"", 0)],
        [StreamOpen(1, 1, b"", 0)],
        [Goodbye(0)],
    ],
    ids=["reset", "data", "close", "reset and open", "open twice", "goodbye"],
)
@pytest.mark.parametrize("purpose", [1, 2, 200])
def test_a_stream_that_ends_before_it_is_answered(
    ends: list[Any], purpose: int, caplog: pytest.LogCaptureFixture
) -> None:
    """All of it in one read, so that the node hears of the stream and of its end at once."""
    with attacked(caplog) as node, RawPeer.dial(node.address) as peer:
        peer.say_message(StreamOpen(1, purpose, b"\1" * 40, 1000), *ends)
        if type(ends[-1]) in (StreamReset, StreamData):
            peer.count_on(11)
            assert isinstance(peer.ask(lambda number: Get(number, TARGET)), Closest)
            peer.close()
        else:
            peer.until_over()


@pytest.mark.parametrize("name", ["msgpack", "json"])
def test_changed_messages_one_after_another(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """What the fuzzer does, to a whole node."""
    draw = random.Random(f"live {name}")
    encode = codec.encoding(name).encode
    with attacked(caplog) as node:
        dialled = 0
        for _ in range(25):
            with RawPeer.dial(node.address, hello(somebody(), encodings=(name,))) as peer:
                dialled += 1
                while not peer.over:
                    bodies = [encode(message(draw)) for _ in range(draw.randrange(1, 30))]
                    if draw.random() < 0.5:
                        bodies.append(mutated(draw, MESSAGES[name]))
                    peer.say(*[body for body in bodies if body])
                    peer.turn(0.002)
        stats = node.stats().links
        assert stats.violations > dialled / 2


# -- records -----------------------------------------------------------------------------------------------------------

OWNER = Identity.from_seed(b"owner" + bytes(27))


def signed(**changes: Any) -> Signed:
    now_s = time.time()
    settings: dict[str, Any] = {
        "network": "mdht",
        "kind": Kind.OWNED,
        "key": b"key",
        "value": b"value",
        "sequence": 5,
        "expires_s": int(now_s) + 3600,
        "now_s": now_s,
    } | changes
    network, kind, key, value = (settings.pop(name) for name in ("network", "kind", "key", "value"))
    return Signed.sign(OWNER, network, kind, key, value, **settings)


def expired() -> bytes:
    at_s = int(time.time()) - 10
    return signed(expires_s=at_s, now_s=at_s - 100.0).pack()


def far_future() -> bytes:
    at_s = int(time.time()) + EXPIRES_S + 3600
    return signed(expires_s=at_s, now_s=at_s - 100.0).pack()


def other_kind() -> bytes:
    return replace(signed(), kind=Kind.OPEN).pack()


BAD: dict[str, Callable[[], bytes]] = {
    "a bad signature": lambda: replace(signed(), signature=bytes(64)).pack(),
    "another value than was signed": lambda: replace(signed(), value=b"other").pack(),
    "another owner": lambda: replace(signed(), owner=somebody().public).pack(),
    "another network": lambda: signed(network="other").pack(),
    "another kind than was signed": other_kind,
    "an unknown kind": lambda: b"\x09" + signed().pack()[1:],
    "expired": expired,
    "far in the future": far_future,
    "cut": lambda: signed().pack()[:-70],
    "a tombstone with a value": lambda: bytes([signed().pack()[0] | 0x80]) + signed().pack()[1:],
    "too large": lambda: b"\x01" + bytes(VALUE_BYTES + 1),
    "one byte": lambda: b"\x02",
}


@pytest.mark.parametrize("what", BAD)
def test_records_that_are_not_what_they_claim(what: str, caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node, RawPeer.dial(node.address) as peer:
        before = node.stats().store.records
        answer = peer.ask(lambda number: Put(number, BAD[what]()))
        assert isinstance(answer, codec.Error) and answer.code == ErrorCode.REJECTED, answer
        assert isinstance(peer.ask(lambda number: Get(number, signed().address)), Closest)
        assert node.stats().store.records == before
        peer.close()


def test_a_sequence_that_goes_back(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node, RawPeer.dial(node.address) as peer:

        def put(record: Signed, **more: Any) -> Any:
            return peer.ask(lambda number: Put(number, record.pack(), **more))

        assert put(signed()).verdict == Verdict.STORED
        assert put(signed(sequence=4)) == Stored(3, Verdict.SUPERSEDED, 5)
        assert put(signed(sequence=1, value=None)).verdict == Verdict.SUPERSEDED
        assert put(signed(sequence=9), expect=3) == Stored(7, Verdict.CONFLICT, 5)
        found = peer.ask(lambda number: Get(number, signed().address))
        assert codec.Found(found.request, signed().pack(), 0, []).record[:40] == found.record[:40]
        assert put(signed(sequence=6, value=None)).verdict == Verdict.STORED
        assert put(signed()).verdict == Verdict.SUPERSEDED, "what was deleted is not put back"
        peer.close()


# -- too much ----------------------------------------------------------------------------------------------------------


def test_more_streams_than_may_be(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node, RawPeer.dial(node.address) as peer:
        peer.say_message(*[StreamOpen(number, 1, b"", 1000) for number in range(1, 40 * LINK_STREAMS, 2)])
        peer.count_on(40 * LINK_STREAMS)
        assert isinstance(peer.ask(lambda number: Get(number, TARGET)), Closest)
        peer.close()


def test_more_requests_than_may_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Puts wait for the disk: beyond the limit they are told BUSY, and every one is answered once."""
    config = Config(data_dir=str(tmp_path), store="lmdb")
    with attacked(caplog, config) as node, RawPeer.dial(node.address) as peer:
        count = 3 * LINK_REQUESTS
        ours = peer.session._talk._ours  # type: ignore[union-attr]
        ours._limit = count + 10
        puts = [Put(number, Content.make(b"%d" % number).pack()) for number in range(1, 2 * count, 2)]
        for put in puts:
            ours.add(put.request, Put, time.monotonic(), 100.0)
        peer.say_message(*puts)
        peer.until(lambda: len(peer.replies) == count)
        kinds = Counter(type(reply).__name__ for reply in peer.replies.values())
        refused = [reply for reply in peer.replies.values() if isinstance(reply, codec.Error)]
        assert set(kinds) == {"Stored", "Error"}
        assert {reply.code for reply in refused} == {ErrorCode.BUSY}
        assert node.stats().links.busy == len(refused)
        assert node.stats().store.records >= kinds["Stored"]
        peer.close()


def test_who_asks_and_does_not_read(caplog: pytest.LogCaptureFixture) -> None:
    """What waits for it is bounded, its further requests are not read, and the others do not notice."""
    with attacked(caplog) as node, RawPeer.dial(node.address) as peer:
        value = bytes(60_000)
        stored = peer.ask(lambda number: Put(number, Content.make(value).pack()))
        assert stored.verdict in (Verdict.STORED, Verdict.HELD)
        address = Content.make(value).address
        ours = node.stats().links.sent_bytes
        peer.sock.settimeout(0.5)
        number, sent = 101, 0
        try:
            while sent < 64 << 20:
                frames = b"".join(
                    codec.pack_frame(peer.encoding.encode(Get(at, address))) for at in range(number, number + 400, 2)
                )
                number += 400
                peer.tls.send(frames)
                data = peer.tls.data_to_send()
                peer.sock.sendall(data)
                sent += len(data)
        except TimeoutError:
            pass  # the node does not read on
        assert sent < 64 << 20
        written = node.stats().links.sent_bytes - ours
        assert written < 16 << 20, "what the kernel and the node hold for somebody who does not read"
        link = next(link for link in _links(node) if link.peer == peer.identity.id)
        assert link.session.stats().unsent_bytes < 5 * WRITE_BUFFER_BYTES
        assert not link.session.wants_data
        peer.close()


@pytest.mark.parametrize("waits", ["a little", "much"])
def test_who_does_not_read_and_breaks_a_rule(
    waits: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its link ends although what was written cannot be delivered, and the descriptor comes back: where the session has
    handed all of it to the wire, and where it has not.
    """
    monkeypatch.setattr(tcp, "CLOSE_S", 0.5)
    monkeypatch.setattr(links, "SessionConfig", functools.partial(SessionConfig, close_s=0.5))
    with attacked(caplog) as node, RawPeer.dial(node.address) as peer:
        peer.ask(lambda number: Put(number, Content.make(bytes(60_000)).pack()))
        address = Content.make(bytes(60_000)).address
        (wire,) = [link.wire for link in _links(node) if link.peer == peer.identity.id]
        for number in range(101, 1001, 2):
            served = node.stats().links.served
            peer.say_message(Get(number, address))
            until(lambda served=served: node.stats().links.served > served, 10, "it is answered")  # type: ignore[misc]
            if wire._transport.get_write_buffer_size() and (waits == "a little" or not wire.writable):
                break
        assert wire.writable is (waits == "a little")
        peer._write(b"\x17\x03\x03\x00\x20" + bytes(32))
        until(lambda: len(_links(node)) == 1, 5, "the connection is given up")


def _links(node: Any) -> list[Any]:
    """The links of a node in this process."""
    service = node._clients["links"]._port.senders[0].cell.service
    return list(service._links.values())


def test_moving_without_end(caplog: pytest.LogCaptureFixture) -> None:
    """A peer that says again and again that it moves, and listens nowhere: it is dialled, once at a time."""
    with attacked(caplog) as node, RawPeer.dial(node.address) as peer:
        before = node.stats().links.dialled
        peer.say_message(*[Moving(0)] * 500)
        assert isinstance(peer.ask(lambda number: Get(number, TARGET)), Closest)
        assert node.stats().links.dialled <= before + 1
        peer.close()


def test_find_and_get_say_no_more_than_may_be(caplog: pytest.LogCaptureFixture) -> None:
    with attacked(caplog) as node, RawPeer.dial(node.address) as peer:
        for _ in range(200):
            assert len(peer.ask(lambda number: Find(number, TARGET, 20)).peers) <= 20
        peer.close()
