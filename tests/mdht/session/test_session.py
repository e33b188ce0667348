from __future__ import annotations

from typing import Any

import msgspec
import pytest
from OpenSSL import SSL

from mdht.codec import (
    Claim,
    Closest,
    Error,
    ErrorCode,
    Farewell,
    Find,
    Get,
    Goodbye,
    Moving,
    Ping,
    Pong,
    Put,
    Stored,
    StreamOpen,
    StreamReset,
)
from mdht.codec.encoding import ENCODINGS
from mdht.codec.frame import pack_frame
from mdht.errors import (
    BadFrame,
    BadMessage,
    ConfigError,
    LinkClosed,
    LinkRefused,
    Refusal,
    RemoteError,
    TimedOut,
    WrongState,
)
from mdht.session.errors import LinkFull, PeerGone, PeerLeft, PeerSilent, TlsFailed, TlsTooOld, Violation
from mdht.session.events import (
    Answered,
    Asked,
    Ended,
    Noticed,
    Opened,
    Proven,
    StreamAsked,
    StreamEnded,
    Unanswered,
    Writable,
)
from mdht.session.life import Life
from mdht.session.proof import Role
from mdht.session.session import Session
from mdht.session.tls import TlsContexts

from .pair import ALICE, BOB, MALLORY, TLS, WALL_S, End, LinkPair, handshake_config, session, session_config

ADDRESS = b"a" * 32
MSGPACK = ENCODINGS["msgpack"].encode


def get(end: End, now_s: float = 0.0, timeout_s: float | None = None) -> int:
    return end.session.request(Get(end.session.next_number, ADDRESS), now_s, timeout_s)


def say(message: Any) -> bytes:
    """A message as it goes over a link without TLS."""
    return pack_frame(MSGPACK(message))


def plain() -> LinkPair:
    """An open link without TLS, so that a test can put words into a peer's mouth."""
    return LinkPair.open(session_config(ALICE, {"without_tls": True}), session_config(BOB, {"without_tls": True}))


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


def test_who_dialled_may_ask_before_the_other_node_has_accepted() -> None:
    pair = LinkPair.of()
    pair.b.decide = None
    pair.run()
    assert not pair.a.opened
    number = get(pair.a)
    pair.run()
    assert not pair.b.take(Asked), "B reads no request before it has accepted"
    pair.b.session.accept(0.0)
    pair.run()
    assert pair.a.opened and pair.b.opened
    assert pair.b.one(Asked).message.request == number


def test_nothing_can_be_asked_before_accept() -> None:
    pair = LinkPair.of()
    with pytest.raises(WrongState):
        _ = pair.a.session.next_number
    with pytest.raises(WrongState):
        pair.a.session.accept(0.0)


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


# -- refusals, as both sides see them ----------------------------------------------------------------------------------


def refusal(pair: LinkPair, by: str, reason: str) -> None:
    pair.run()
    us, them = (pair.a, pair.b) if by == "a" else (pair.b, pair.a)
    ours, theirs = us.error, them.error
    assert isinstance(ours, LinkRefused) and isinstance(theirs, LinkRefused)
    assert (ours.reason, ours.by_us) == (reason, True)
    assert (theirs.reason, theirs.by_us) == (reason, False)
    assert reason in str(theirs)
    pair.wait(10.0)
    assert pair.a.session.finished and pair.b.session.finished
    assert not pair.a.opened and not pair.b.opened


def test_wrong_secret() -> None:
    refusal(LinkPair.of(b=session_config(BOB, {"secret": b"s" * 32})), "b", Refusal.WRONG_NETWORK)


def test_wrong_network() -> None:
    refusal(LinkPair.of(b=session_config(BOB, {"network": "other"})), "b", Refusal.WRONG_NETWORK)


def test_other_id_than_dialled() -> None:
    refusal(LinkPair.of(b=session_config(MALLORY), expected_id=BOB.id), "a", Refusal.OTHER_PEER)


def test_own_id() -> None:
    refusal(LinkPair.of(b=session_config(ALICE)), "b", Refusal.OWN_ID)


@pytest.mark.parametrize("by", ["a", "b"])
def test_not_allowed(by: str) -> None:
    pair = LinkPair.of()
    (pair.a if by == "a" else pair.b).decide = Refusal.NOT_ALLOWED
    refusal(pair, by, Refusal.NOT_ALLOWED)


def test_closing_during_a_handshake_is_a_refusal() -> None:
    pair = LinkPair.of()
    pair.b.decide = None
    pair.run()
    pair.b.session.close(0.0)
    refusal(pair, "b", "shutdown")


def test_refusing_before_tls_says_nothing_and_is_done_at_once() -> None:
    b = session(Role.ANSWER, session_config(BOB))
    b.refuse(Refusal.TOO_MANY, 0.0)
    assert b.data_to_send(0.0) == b"" and b.finished
    assert isinstance(b.next_event(), Ended)


def test_a_node_that_decides_when_it_is_too_late() -> None:
    pair = LinkPair.of()
    pair.b.decide = None
    pair.run()
    pair.b.session.receive_eof(0.0)
    pair.b.session.accept(0.0)
    pair.b.session.refuse(Refusal.TOO_MANY, 0.0)
    assert isinstance(pair.b.session.next_event(), Ended) and pair.b.session.finished


def test_a_peer_that_never_answers() -> None:
    a = session(Role.DIAL, session_config(ALICE))
    assert a.data_to_send(0.0)
    assert a.next_deadline() == 10.0
    a.handle_timer(9.0)
    assert a.next_event() is None
    a.handle_timer(10.0)
    ended = a.next_event()
    assert isinstance(ended, Ended) and isinstance(ended.error, LinkRefused)
    assert (ended.error.reason, ended.error.by_us) == (Refusal.TOO_SLOW, True)
    assert a.data_to_send(10.0) == b"" and a.finished


def test_a_peer_that_stops_after_tls() -> None:
    pair = LinkPair.of()
    pair.b.decide = None
    pair.run()
    pair.wait(10.0)
    reasons = {end.error.reason for end in (pair.a, pair.b)}
    assert reasons == {Refusal.TOO_SLOW}


def test_a_node_that_was_accepted_but_does_not_accept_in_time() -> None:
    pair = LinkPair.of()
    pair.a.decide = None
    pair.run()
    pair.b.session.handle_timer(10.0)  # B has accepted: it leaves by a goodbye, which A does not read
    pair.run()
    ours = pair.b.error
    assert isinstance(ours, LinkRefused) and ours.by_us
    pair.a.session.receive_eof(10.0)
    pair.run()
    assert isinstance(pair.a.error, PeerGone)


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


# -- the talk ----------------------------------------------------------------------------------------------------------


def test_who_dialled_uses_odd_numbers() -> None:
    pair = LinkPair.open()
    assert [get(pair.a), get(pair.a)] == [1, 3]
    assert [get(pair.b), get(pair.b)] == [2, 4]
    with pytest.raises(WrongState):
        pair.a.session.request(Get(9, ADDRESS), 0.0)


def test_answers_may_come_in_any_order() -> None:
    pair = LinkPair.open()
    numbers = [get(pair.a) for _ in range(5)]
    pair.run()
    for asked in reversed(pair.b.take(Asked)):
        pair.b.session.reply(Closest(asked.message.request, []))
    pair.run()
    assert [answered.number for answered in pair.a.take(Answered)] == numbers[::-1]


def test_a_request_that_is_late() -> None:
    pair = LinkPair.open()
    number = get(pair.a, timeout_s=1.0)
    other = get(pair.a, timeout_s=3.0)
    pair.run()
    pair.wait(1.0)
    late = pair.a.one(Unanswered)
    assert late.number == number and isinstance(late.error, TimedOut) and late.error.timeout_s == 1.0
    for asked in pair.b.take(Asked):
        pair.b.session.reply(Closest(asked.message.request, []))
    pair.run()
    assert pair.a.one(Answered).number == other
    assert (pair.a.session.stats().timeouts, pair.a.session.stats().late) == (1, 1)


def test_pings_are_answered_by_the_session() -> None:
    pair = LinkPair.open()
    number = pair.a.session.ping(0.0)
    pair.run()
    assert pair.a.one(Answered) == Answered(number, Pong(number, int(WALL_S * 1000)))
    assert not pair.b.events


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


def test_a_newer_peers_messages() -> None:
    pair = plain()

    def newer(*fields: object) -> bytes:
        return pack_frame(msgspec.msgpack.encode(list(fields)))

    b = pair.b.session
    b.receive(newer(40, 1, b"what is this?") + newer(90, 5) + newer(120, "news") + newer(500), 0.0)
    assert b.stats().unknown == 4 and b.life is Life.OPEN and b.next_event() is None
    answer = ENCODINGS["msgpack"].decode(b.data_to_send(0.0)[4:])
    assert isinstance(answer, Error) and (answer.request, answer.code) == (1, ErrorCode.UNSUPPORTED)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (say(Get(2, ADDRESS)), Violation),  # B's own parity
        (say(Get(1, ADDRESS)) * 2, Violation),  # twice
        (say(Closest(2, [])), Violation),  # never asked
        (say(Closest(1, [])), Violation),  # the other side's numbers
        (pack_frame(b"\xc1"), BadMessage),
        (pack_frame(MSGPACK(Get(1, b"short"))), BadMessage),
        (b"\0\0\0\0", BadFrame),
    ],
)
def test_what_no_peer_sends(data: bytes, error: type[Exception]) -> None:
    pair = plain()
    pair.b.session.receive(data, 0.0)
    pair.run()
    assert isinstance(pair.b.error, error)
    left = pair.a.error
    assert isinstance(left, PeerLeft) and left.reason == "protocol"


def test_a_reply_of_the_wrong_kind() -> None:
    pair = plain()
    number = get(pair.a)
    pair.a.session.receive(say(Stored(number, 0)), 0.0)
    pair.run()
    assert isinstance(pair.a.error, Violation)


def test_only_what_was_asked_can_be_answered_and_once() -> None:
    pair = LinkPair.open()
    with pytest.raises(WrongState):
        pair.b.session.reply(Closest(1, []))
    get(pair.a)
    pair.run()
    pair.b.session.reply(Closest(1, []))
    with pytest.raises(WrongState):
        pair.b.session.reply(Closest(1, []))


def test_notices() -> None:
    pair = LinkPair.open()
    pair.b.session.notify(Claim(b"record"))
    pair.run()
    assert pair.a.one(Noticed).message == Claim(b"record")


def test_goodbye_comes_after_what_waits() -> None:
    pair = LinkPair.open()
    get(pair.a)
    pair.run()
    pair.b.session.reply(Closest(1, []))
    pair.b.session.close(0.0, Farewell.TOO_MANY)
    pair.run()
    assert [type(event) for event in pair.a.events] == [Answered, Ended]
    assert pair.a.error.reason == "too many"


def test_those_who_wait_learn_of_the_end() -> None:
    pair = LinkPair.open()
    number = get(pair.a)
    pair.run()
    pair.a.session.receive_eof(0.0)
    pair.a.drain(0.0)
    assert pair.a.one(Unanswered).number == number
    assert isinstance(pair.a.error, PeerGone)
    with pytest.raises(LinkClosed):
        get(pair.a)
    pair.a.session.reply(Closest(2, []))  # nobody could know in time


def test_a_close_that_the_peer_does_not_see() -> None:
    pair = LinkPair.open()
    pair.a.session.close(0.0)
    while pair.a.session.data_to_send(0.0):
        pass
    assert not pair.a.session.finished and pair.a.session.next_deadline() == 5.0
    pair.a.session.receive(b"garbage", 1.0)
    pair.a.session.handle_timer(5.0)
    assert pair.a.session.finished


def test_moving() -> None:
    pair = LinkPair.open()
    number = get(pair.a)
    pair.run()
    pair.b.session.move(60.0, 0.0)
    pair.run()
    assert pair.a.one(Noticed).message == Moving(60_000)
    with pytest.raises(WrongState):
        get(pair.b)
    again = get(pair.a)  # A may ask until it has another link
    pair.run()
    pair.b.session.retire(60.0, 0.0)
    pair.run()
    assert pair.b.session.life is Life.RETIRING
    for asked in pair.b.take(Asked):
        pair.b.session.reply(Closest(asked.message.request, []))
    pair.run()
    assert [answered.number for answered in pair.a.take(Answered)] == [number, again]
    assert pair.a.error.reason == "moved" and pair.b.error is None


def test_a_move_ends_at_its_deadline() -> None:
    pair = LinkPair.open()
    get(pair.a, timeout_s=500.0)
    pair.run()
    pair.b.session.move(10.0, 0.0)
    assert pair.b.session.next_deadline() == 10.0
    pair.b.session.retire(60.0, 0.0)
    assert pair.b.session.next_deadline() == 10.0, "the earlier of both"
    pair.run()
    pair.wait(10.0)
    assert pair.b.session.finished and pair.a.error.reason == "moved"


def test_the_peers_clock_and_round_trip_are_known() -> None:
    a, b = session(Role.DIAL, session_config(ALICE)), session(Role.ANSWER, session_config(BOB), wall_s=WALL_S + 50)
    pair = LinkPair(a, b)
    pair.run()
    assert pair.a.one(Opened).peer.clock_offset_s == pytest.approx(50, abs=0.01)


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_too_many_requests_of_ours() -> None:
    pair = LinkPair.open(session_config(ALICE, requests=3))
    for _ in range(3):
        get(pair.a)
    with pytest.raises(LinkFull, match="3 requests"):
        get(pair.a)


def test_too_many_requests_of_theirs() -> None:
    pair = LinkPair.open(b=session_config(BOB, requests=3))
    for _ in range(5):
        get(pair.a)
    pair.run()
    assert len(pair.b.take(Asked)) == 3
    busy = [answered.message for answered in pair.a.take(Answered)]
    assert [error.code for error in busy if isinstance(error, Error)] == [ErrorCode.BUSY] * 2
    assert pair.b.session.stats().busy == 2


def test_a_full_link_refuses_requests_and_says_when_there_is_room() -> None:
    pair = LinkPair.open(session_config(ALICE, write_bytes=1000, write_resume_bytes=500))
    with pytest.raises(LinkFull, match="1,000 bytes"):
        for _ in range(1000):
            get(pair.a)
    assert not pair.a.session.wants_data
    pair.a.session.ping(0.0)  # still goes
    pair.run()
    assert pair.a.one(Writable)
    get(pair.a)


def test_who_asks_and_does_not_read_gets_busy() -> None:
    pair = LinkPair.open(b=session_config(BOB, write_bytes=10_000, write_resume_bytes=1000))
    for _ in range(100):
        get(pair.a)
    pair.run()
    for asked in pair.b.take(Asked):
        pair.b.session.reply(Closest(asked.message.request, [b"p" * 1000] * 2))
    assert pair.b.session.stats().unsent_bytes < 50_000
    assert not pair.b.session.wants_data
    pair.run()
    answers = [answered.message for answered in pair.a.take(Answered)]
    assert len(answers) == 100
    assert 0 < sum(isinstance(answer, Error) for answer in answers) == pair.b.session.stats().busy < 100


def test_reading_pauses_while_events_wait() -> None:
    pair = LinkPair.open(b=session_config(BOB, events=10))
    for _ in range(9):
        get(pair.a)
    pair.b.session.receive(pair.a.session.data_to_send(0.0), 0.0)
    assert pair.b.session.wants_data
    get(pair.a)
    pair.b.session.receive(pair.a.session.data_to_send(0.0), 0.0)
    assert not pair.b.session.wants_data
    pair.b.session.next_event()
    assert pair.b.session.wants_data
    small = LinkPair.open(b=session_config(BOB, event_bytes=100))
    for _ in range(3):
        get(small.a)
    small.b.session.receive(small.a.session.data_to_send(0.0), 0.0)
    assert not small.b.session.wants_data
    small.b.drain(0.0)
    assert small.b.session.wants_data


def test_reading_pauses_while_large_requests_wait() -> None:
    pair = LinkPair.open(b=session_config(BOB, request_bytes=1000))
    for _ in range(3):
        pair.a.session.request(Put(pair.a.session.next_number, bytes(400)), 0.0)
    pair.b.session.receive(pair.a.session.data_to_send(0.0), 0.0)
    pair.b.drain(0.0)
    assert not pair.b.session.wants_data
    first, *_ = pair.b.take(Asked)
    pair.b.session.reply(Closest(first.message.request, []))
    assert pair.b.session.wants_data


def test_a_link_that_is_over_has_nothing_to_retire() -> None:
    pair = LinkPair.open()
    pair.b.session.receive_eof(0.0)
    pair.b.session.retire(60.0, 0.0)
    assert pair.b.session.finished


def test_a_stream_that_the_peer_takes_back_needs_no_answer() -> None:
    """It is asked for and reset in one turn, so this node hears of both at once."""
    for decide in ("reply", "accept_stream"):
        pair, number = plain(), 1
        pair.b.session.receive(say(StreamOpen(number, 1, b"")) + say(StreamReset(number, 9)), 0.0)
        pair.b.drain(0.0)
        assert pair.b.one(StreamAsked).number == pair.b.one(StreamEnded).number == number
        if decide == "reply":
            pair.b.session.reply(Error(number, ErrorCode.NOT_FOUND))
            with pytest.raises(WrongState):
                pair.b.session.reply(Error(number, ErrorCode.NOT_FOUND))
        else:
            with pytest.raises(LinkClosed):
                pair.b.session.accept_stream(number)
        assert not pair.b.take(Ended) and pair.b.session.stats().requests_in == 0


def test_its_number_is_not_used_again_before_that() -> None:
    pair = plain()
    pair.b.session.receive(say(StreamOpen(1, 1, b"")) + say(StreamReset(1, 9)), 0.0)
    pair.b.session.receive(say(StreamOpen(1, 1, b"")), 0.0)
    pair.b.drain(0.0)
    assert isinstance(pair.b.error, Violation)


def test_request_numbers_begin_again() -> None:
    pair = LinkPair.open()
    talk = pair.a.session._talk
    assert talk is not None
    kept = get(pair.a, timeout_s=1000.0)
    talk._ours.next_number = (1 << 32) - 1
    assert get(pair.a) == (1 << 32) - 1
    assert kept == 1 and get(pair.a) == 3, "1 still waits"
    pair.run()
    assert len(pair.b.take(Asked)) == 3


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


def test_goodbye_and_ping_are_messages_of_the_codec() -> None:
    pair = plain()
    pair.b.session.receive(say(Ping(1)) + say(Goodbye(77, "new reason")), 0.0)
    pair.run()
    assert pair.b.error.reason == "reason 77"
