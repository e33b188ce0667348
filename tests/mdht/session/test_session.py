from __future__ import annotations

import pytest
from OpenSSL import SSL

from mdht.codec import Closest, Find, Get
from mdht.errors import BadFrame, ConfigError, LinkClosed, LinkRefused, Refusal, RemoteError, WrongState
from mdht.session.errors import PeerGone, PeerLeft, PeerSilent, TlsFailed, TlsTooOld
from mdht.session.events import Answered, Asked, Opened, Proven, Unanswered
from mdht.session.life import Life
from mdht.session.proof import Role
from mdht.session.session import Session
from mdht.session.tls import TlsContexts

from .pair import ADDRESS, ALICE, BOB, TLS, End, LinkPair, get, handshake_config, plain, say, session, session_config

# -- opening -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without_tls", [False, True])
@pytest.mark.parametrize("secret", [b"", b"s" * 32])
@pytest.mark.parametrize("names", [("msgpack", "json"), ("json",)])
def test_open_ask_answer_close(without_tls: bool, secret: bytes, names: tuple[str, ...]) -> None:
    settings = {"without_tls": without_tls, "secret": secret, "encodings": names}
    pair = LinkPair.of(session_config(ALICE, settings), session_config(BOB, settings), expected_id=BOB.id)
    pair.run()
    assert pair.a.one(Proven).peer == pair.a.one(Opened).peer == pair.a.session.peer
    assert pair.b.one(Opened).peer.id == ALICE.id
    number = get(pair.a)
    pair.run()
    asked = pair.b.one(Asked).message
    assert asked == Get(number, ADDRESS)
    pair.b.session.reply(Closest(number, []))
    pair.run()
    assert pair.a.one(Answered) == Answered(number, Closest(number, []))
    pair.a.session.close(pair.now_s, text="enough")
    pair.run()
    assert pair.a.error is None
    error = pair.b.error
    assert isinstance(error, PeerLeft) and (error.reason, error.text) == ("shutdown", "enough")
    assert pair.a.session.finished and pair.b.session.finished
    assert pair.a.session.next_deadline() is None


def test_says_what_tls_negotiated() -> None:
    stats = LinkPair.open().a.session.stats()
    assert stats.group == "X25519MLKEM768"
    assert stats.cipher.startswith("TLS_")
    assert (stats.life, stats.peer) == ("open", BOB.id.hex()[:8])
    assert plain().a.session.stats().group == ""


def test_reading_pauses_while_the_node_decides() -> None:
    pair = LinkPair.of(session_config(ALICE, {"without_tls": True}), session_config(BOB, {"without_tls": True}))
    pair.b.decide = None
    pair.run()
    assert pair.b.session.wants_data
    pair.b.session.receive(say(Find(1, ADDRESS)) * 2000, 0.0)
    assert not pair.b.session.wants_data
    pair.b.session.accept(0.0)
    pair.run()
    assert len(pair.b.take(Asked)) == 1, "asked twice under one number"


# -- attacks on the wire -----------------------------------------------------------------------------------------------


def test_man_in_the_middle_relays_between_two_tls_sessions() -> None:
    """Mallory speaks TLS with both, and hands the plaintext on, byte by byte as it is."""
    a = End(session(Role.DIAL, session_config(ALICE), expected_id=BOB.id))
    b = End(session(Role.ANSWER, session_config(BOB)))
    to_a, to_b = TLS.answer(), TLS.dial()
    seen = b""
    for _ in range(20):
        for end, mine, other in ((a, to_a, to_b), (b, to_b, to_a)):
            end.drain(0.0)
            data = end.session.data_to_send(0.0)
            text = b"" if mine.peer_closed else mine.receive_untrusted(data)
            seen += text
            if text and other.established:
                other.send(text)
            elif text:
                raise AssertionError("both TLS sessions are there before anybody speaks")
            for tls, target in ((to_b, b), (to_a, a)):
                target.session.receive(tls.data_to_send(), 0.0)
                target.drain(0.0)
    assert ALICE.id in seen and BOB.id in seen, "Mallory has seen who they are"
    assert a.session.life is not Life.OPEN and b.session.life is not Life.OPEN
    error = a.error
    assert isinstance(error, LinkRefused) and error.reason == Refusal.BAD_SIGNATURE and error.by_us
    assert not a.take(Proven) and not b.take(Proven)


def test_a_replayed_stream_of_another_session() -> None:
    old = LinkPair.of()
    old.run()
    b = End(session(Role.ANSWER, session_config(BOB)))
    for name, data in old.passed:
        if name == "a":
            b.session.receive(data, 0.0)
            b.session.data_to_send(0.0)
            b.drain(0.0)
    assert isinstance(b.error, TlsFailed)


def test_reflected_bytes() -> None:
    for settings in ({}, {"without_tls": True}):
        a = End(session(Role.DIAL, session_config(ALICE, settings)))
        for _ in range(5):
            a.session.receive(a.session.data_to_send(0.0), 0.0)
        a.drain(0.0)
        assert isinstance(a.error, RemoteError)


def test_tls_1_2_client() -> None:
    old = SSL.Context(SSL.TLS_CLIENT_METHOD)
    old.set_max_proto_version(SSL.TLS1_2_VERSION)
    client = SSL.Connection(old)
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    b = End(session(Role.ANSWER, session_config(BOB)))
    b.session.receive(client.bio_read(65536), 0.0)
    b.drain(0.0)
    assert isinstance(b.error, TlsTooOld)
    client.bio_write(b.session.data_to_send(0.0))
    with pytest.raises(SSL.Error, match="protocol version"):
        client.do_handshake()
    assert b.session.data_to_send(0.0) == b"" and b.session.finished


@pytest.mark.parametrize("cut", [1, 3, 100, 2000])
def test_a_stream_that_ends_early(cut: int) -> None:
    pair = LinkPair.of()
    pair.a.session.receive_eof(0.0)
    pair.a.drain(0.0)
    assert isinstance(pair.a.error, PeerGone)
    whole = LinkPair.of()
    whole.run()
    data = b"".join(data for name, data in whole.passed if name == "a")[:cut]
    b = End(session(Role.ANSWER, session_config(BOB)))
    b.session.receive(data, 0.0)
    b.session.data_to_send(0.0)
    b.session.receive_eof(0.0)
    b.drain(0.0)
    assert isinstance(b.error, RemoteError) and b.session.finished


def test_what_waits_to_be_sent_when_tls_fails_is_dropped() -> None:
    pair = LinkPair.open()
    get(pair.a)
    pair.a.session.receive(b"\x17\x03\x03\x00\x20" + bytes(32), 0.0)
    pair.a.drain(0.0)
    assert isinstance(pair.a.one(Unanswered).error, LinkClosed)
    assert isinstance(pair.a.error, TlsFailed)
    alert = pair.a.session.data_to_send(0.0)
    assert 0 < len(alert) < 64
    assert pair.a.session.data_to_send(0.0) == b"" and pair.a.session.finished
    pair.b.session.receive(alert, 0.0)
    pair.b.drain(0.0)
    assert isinstance(pair.b.error, TlsFailed)


def test_oversized_frames() -> None:
    b = End(session(Role.ANSWER, session_config(BOB, {"without_tls": True})))
    b.session.receive((8193).to_bytes(4, "big"), 0.0)
    b.drain(0.0)
    error = b.error
    assert isinstance(error, LinkRefused) and isinstance(error.__cause__, BadFrame)
    pair = plain()
    pair.b.session.receive((300_000).to_bytes(4, "big"), 0.0)
    pair.run()
    assert isinstance(pair.b.error, BadFrame)
    left = pair.a.error
    assert isinstance(left, PeerLeft) and left.reason == "protocol" and "300000" in left.text


# -- time --------------------------------------------------------------------------------------------------------------


def test_keep_alive() -> None:
    pair = LinkPair.open()
    sent = pair.a.session.stats().sent_messages
    pair.wait(24.0)
    assert pair.a.session.stats().sent_messages == sent
    pair.wait(300.0)
    assert pair.a.session.life is Life.OPEN and not pair.a.events and not pair.b.events
    assert 10 <= pair.a.session.stats().received_messages <= 30


def test_a_silent_peer() -> None:
    pair = LinkPair.open()
    a = pair.a.session
    number = get(pair.a, timeout_s=1000.0)
    for moment in range(1, 80):
        a.handle_timer(float(moment))
        a.data_to_send(float(moment))
        if a.life is not Life.OPEN:
            break
    pair.a.drain(0.0)
    assert moment == 75
    closed = pair.a.one(Unanswered)
    assert closed.number == number and isinstance(closed.error, LinkClosed)
    assert isinstance(pair.a.error, PeerSilent)
    assert a.next_deadline() == 80.0
    a.handle_timer(80.0)
    assert a.finished


# -- configuration -----------------------------------------------------------------------------------------------------


def test_all_faults_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        session_config(ALICE, keepalive_s=0.0, dead_after_s=-1.0, requests=0, stream_credit_bytes=1 << 30)
    keys = [key for key, _, _ in caught.value.faults]
    assert set(keys) == {"keepalive_s", "dead_after_s", "requests", "stream_credit_bytes"}
    bad = {"secret": b"short", "encodings": (), "capabilities": ("b", "a"), "record": handshake_config(BOB).record}
    with pytest.raises(ConfigError) as caught:
        handshake_config(ALICE, **bad)
    assert {key for key, _, _ in caught.value.faults} == {"secret", "encodings", "capabilities", "record"}
    with pytest.raises(ConfigError, match=r"handshake\.secret"):
        broken = handshake_config(ALICE)
        object.__setattr__(broken, "secret", b"short")
        type(session_config(ALICE))(handshake=broken).validate()


def test_tls_must_fit_the_configuration() -> None:
    for config, tls in ((session_config(ALICE), None), (session_config(ALICE, {"without_tls": True}), TlsContexts())):
        with pytest.raises(WrongState):
            Session(config, Role.DIAL, tls=tls, challenge=bytes(32), now_s=0.0, wall_s=0.0)
