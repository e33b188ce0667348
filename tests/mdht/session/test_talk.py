from __future__ import annotations

import msgspec
import pytest

from mdht.codec import Claim, Closest, Error, ErrorCode, Get, Goodbye, Ping, Pong, Put, Stored, StreamOpen, StreamReset
from mdht.codec.encoding import ENCODINGS
from mdht.codec.frame import pack_frame
from mdht.errors import BadFrame, BadMessage, LinkClosed, TimedOut, WrongState
from mdht.session.errors import LinkFull, PeerLeft, Violation
from mdht.session.events import Answered, Asked, Ended, Noticed, StreamAsked, StreamEnded, Unanswered, Writable
from mdht.session.life import Life

from .pair import ADDRESS, ALICE, BOB, MSGPACK, WALL_S, LinkPair, get, plain, say, session_config

# -- what is said ------------------------------------------------------------------------------------------------------


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


def test_goodbye_and_ping_are_messages_of_the_codec() -> None:
    pair = plain()
    pair.b.session.receive(say(Ping(1)) + say(Goodbye(77, "new reason")), 0.0)
    pair.run()
    assert pair.b.error.reason == "reason 77"


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
