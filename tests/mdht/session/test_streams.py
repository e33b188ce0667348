from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdht.codec import Closest, Error, ErrorCode, Get, Purpose, StreamClose, StreamCredit, StreamData, StreamReset
from mdht.codec import StreamOpened as Reply
from mdht.codec.encoding import ENCODINGS
from mdht.codec.frame import pack_frame
from mdht.errors import LinkClosed, RequestFailed, TimedOut, WrongState
from mdht.limits import STREAM_DATA_BYTES, STREAM_WINDOW_BYTES
from mdht.session.errors import LinkFull, PeerLeft, Violation
from mdht.session.events import (
    Answered,
    Asked,
    StreamAsked,
    StreamEnded,
    StreamFinished,
    StreamOpened,
    StreamReceived,
    StreamWritable,
)
from mdht.session.life import Life
from mdht.session.streams import Streams

from .pair import ALICE, BOB, LinkPair, session_config

WINDOW = 64 << 10


def link(**changes: Any) -> LinkPair:
    """An open link with small windows."""
    settings: dict[str, Any] = {"stream_credit_bytes": WINDOW} | changes
    return LinkPair.open(session_config(ALICE, **settings), session_config(BOB, **settings))


def stream(pair: LinkPair) -> int:
    """A stream that A opened and B accepted."""
    number = pair.a.session.open_stream(Purpose.GET_RECORDS, b"about", pair.now_s)
    pair.run()
    asked = pair.b.one(StreamAsked)
    assert asked == StreamAsked(number, Purpose.GET_RECORDS, b"about")
    pair.b.session.accept_stream(number)
    pair.run()
    assert pair.a.one(StreamOpened).number == number
    return number


def carry(pair: LinkPair, number: int, data: bytes, *, back: bool = False) -> tuple[bytes, int]:
    """Sends all of `data` and finishes; what arrived, and the most bytes that waited at both ends at any time."""
    source, sink = (pair.b, pair.a) if back else (pair.a, pair.b)
    left = memoryview(data)
    arrived = bytearray()
    most = 0
    finished = False
    while not sink.take(StreamFinished):
        while left and (taken := source.session.stream_send(number, bytes(left[: 1 << 20]))):
            left = left[taken:]
        if not left and not finished:
            source.session.stream_finish(number)
            finished = True
        pair.turn()
        waiting = 0
        for received in sink.take(StreamReceived):
            arrived += received.data
            waiting += len(received.data)
            sink.session.stream_consumed(number, len(received.data))
        most = max(most, waiting + source.session.stats().unsent_stream_bytes)
        source.take(StreamWritable)
    return bytes(arrived), most


def test_both_directions_and_the_end() -> None:
    pair = link()
    number = stream(pair)
    data = bytes(range(251)) * 4000  # a megabyte
    arrived, most = carry(pair, number, data)
    assert arrived == data
    assert most <= 2 * WINDOW
    back, _ = carry(pair, number, data[::-1], back=True)
    assert back == data[::-1]
    pair.run()
    assert pair.a.one(StreamEnded) == pair.b.one(StreamEnded) == StreamEnded(number)
    with pytest.raises(LinkClosed):
        pair.a.session.stream_send(number, b"x")
    assert pair.a.session.stats().streams == 0


def test_memory_stays_bounded() -> None:
    """32 MiB each way through one link, and what waits in Python objects stays within a few windows."""
    pair = LinkPair.open()
    number = stream(pair)
    data = bytes(32 << 20)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for back in (False, True):
        assert pump(pair, number, data, back=back) == len(data)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < 3 << 20, f"{peak:,}"


def pump(pair: LinkPair, number: int, data: bytes, *, back: bool) -> int:
    """As `carry`, but nothing is kept: the bytes that arrived."""
    source, sink = (pair.b, pair.a) if back else (pair.a, pair.b)
    pair.passed.clear()
    sent = arrived = 0
    while arrived < len(data):
        sent += source.session.stream_send(number, data[sent : sent + (64 << 10)])
        pair.turn()
        pair.passed.clear()
        for received in sink.take(StreamReceived):
            arrived += len(received.data)
            sink.session.stream_consumed(number, len(received.data))
        source.take(StreamWritable)
    return arrived


def test_an_empty_stream() -> None:
    pair = link()
    number = stream(pair)
    pair.a.session.stream_finish(number)
    pair.b.session.stream_finish(number)
    pair.run()
    assert pair.a.one(StreamEnded).error is None and pair.b.one(StreamEnded).error is None


def test_what_is_not_consumed_stops_the_sender() -> None:
    pair = link()
    number = stream(pair)
    sent = 0
    for _ in range(20):
        sent += pair.a.session.stream_send(number, bytes(100_000))
        pair.run()
    assert sent == 2 * WINDOW  # one window on its way, one waiting here
    received = pair.b.take(StreamReceived)
    assert sum(len(piece.data) for piece in received) == WINDOW
    pair.a.take(StreamWritable)
    pair.b.session.stream_consumed(number, WINDOW // 2 - 1)
    pair.run()
    assert not pair.b.take(StreamReceived), "not worth a message yet"
    pair.b.session.stream_consumed(number, 1)
    pair.run()
    assert sum(len(piece.data) for piece in pair.b.take(StreamReceived)) == WINDOW // 2
    assert pair.a.one(StreamWritable).number == number
    with pytest.raises(WrongState, match="more than it received"):
        pair.b.session.stream_consumed(number, WINDOW + 1)


def test_a_wide_window_lets_more_come() -> None:
    pair = link()
    number = stream(pair)
    pair.b.session.stream_widen(number, 5 * WINDOW)
    pair.run()
    sent = 0
    for _ in range(20):
        while taken := pair.a.session.stream_send(number, bytes(WINDOW)):
            sent += taken
        pair.run()
        pair.a.take(StreamWritable)
    assert sum(len(one.data) for one in pair.b.take(StreamReceived)) == 5 * WINDOW
    assert sent == 6 * WINDOW, "and what waits to be sent is bounded as before"
    pair.b.session.stream_widen(number, 2 * WINDOW)  # less is no change
    pair.b.session.stream_consumed(number, 5 * WINDOW)
    with pytest.raises(WrongState, match="consumed"):
        pair.b.session.stream_consumed(number, 1)
    with pytest.raises(WrongState, match="window"):
        pair.b.session.stream_widen(number, STREAM_WINDOW_BYTES + 1)
    pair.run()
    assert sum(len(one.data) for one in pair.b.take(StreamReceived)) == WINDOW
    pair.b.session.stream_widen(99, WINDOW)  # one that is over


def test_a_small_get_does_not_wait_for_a_big_stream() -> None:
    """A answers a get behind at most one turn of a stream, in both directions at once."""
    pair = LinkPair.open(session_config(ALICE, turn_bytes=64 << 10), session_config(BOB, turn_bytes=64 << 10))
    number = stream(pair)
    ahead = []
    sent = 0
    for _ in range(10):
        sent += pair.b.session.stream_send(number, bytes(1 << 20))
        pair.a.session.request(Get(pair.a.session.next_number, b"k" * 32), 0.0)
        pair.b.session.receive(pair.a.session.data_to_send(0.0), 0.0)
        pair.b.drain(0.0)
        first = pair.b.session.data_to_send(0.0)  # a turn that was under way
        asked = pair.b.one(Asked)
        pair.b.session.reply(Closest(asked.message.request, []))
        second = pair.b.session.data_to_send(0.0)
        pair.a.session.receive(first, 0.0)
        pair.a.session.receive(second, 0.0)
        pair.a.drain(0.0)
        assert pair.a.one(Answered)
        ahead.append(len(first))
        for received in pair.a.take(StreamReceived):
            pair.a.session.stream_consumed(number, len(received.data))
    assert max(ahead) <= (64 << 10) + STREAM_DATA_BYTES + 1000
    assert sent > 500_000


def test_many_small_gets_do_not_stop_a_stream() -> None:
    pair = link(turn_bytes=4 << 10)
    number = stream(pair)
    pair.a.session.stream_send(number, bytes(WINDOW))
    arrived = 0
    for _ in range(4):
        for _ in range(200):
            pair.a.session.request(Get(pair.a.session.next_number, b"k" * 32), 0.0)
        pair.b.session.receive(pair.a.session.data_to_send(0.0), 0.0)
        pair.b.drain(0.0)
        arrived += sum(len(piece.data) for piece in pair.b.take(StreamReceived))
        pair.b.take(Asked)
    assert arrived >= 4 * STREAM_DATA_BYTES


def test_streams_take_turns() -> None:
    pair = link()
    numbers = [stream(pair) for _ in range(3)]
    for number in numbers:
        pair.a.session.stream_send(number, bytes(WINDOW))
    pair.b.session.receive(pair.a.session.data_to_send(0.0), 0.0)
    pair.b.drain(0.0)
    order = [piece.number for piece in pair.b.take(StreamReceived)]
    assert order[:3] == numbers and {len(numbers)} == {3}
    assert max(order.count(number) for number in numbers) - min(order.count(number) for number in numbers) <= 1


def test_a_stream_that_is_refused_or_late() -> None:
    pair = link()
    number = pair.a.session.open_stream(Purpose.GET_RECORDS, b"x", 0.0)
    pair.run()
    pair.b.one(StreamAsked)
    with pytest.raises(WrongState):
        pair.b.session.reply(Closest(number, []))
    pair.b.session.reply(Error(number, ErrorCode.NOT_FOUND, "no such file"))
    pair.run()
    ended = pair.a.one(StreamEnded)
    assert isinstance(ended.error, RequestFailed) and ended.error.code == ErrorCode.NOT_FOUND
    late = pair.a.session.open_stream(Purpose.GET_RECORDS, b"x", 0.0, timeout_s=1.0)
    pair.run()
    pair.wait(1.0)
    ended = pair.a.one(StreamEnded)
    assert ended.number == late and isinstance(ended.error, TimedOut)
    assert isinstance(pair.b.one(StreamEnded).error, RequestFailed)
    with pytest.raises(LinkClosed):
        pair.b.session.accept_stream(late)
    assert pair.b.session.stats().streams == pair.b.session.stats().requests_in == 0


def test_a_reset_from_either_side() -> None:
    pair = link()
    number = stream(pair)
    pair.a.session.stream_send(number, bytes(1000))
    pair.a.session.stream_reset(number, ErrorCode.CANCELLED, "enough")
    pair.a.session.stream_reset(number, ErrorCode.CANCELLED, "twice")
    pair.run()
    ended = pair.b.one(StreamEnded)
    assert isinstance(ended.error, RequestFailed) and ended.error.text == "enough"
    number = stream(pair)
    pair.a.session.stream_send(number, bytes(1000))
    pair.b.session.stream_reset(number, ErrorCode.CANCELLED)  # while the piece is under way
    pair.run()
    assert pair.a.one(StreamEnded).number == number
    assert pair.b.session.stats().late == 1 and pair.b.session.life is Life.OPEN


def test_too_many_streams() -> None:
    pair = link(streams=2)
    stream(pair)
    pair.a.session.open_stream(Purpose.GET_RECORDS, b"", 0.0)
    with pytest.raises(LinkFull, match="2 streams"):
        pair.a.session.open_stream(Purpose.GET_RECORDS, b"", 0.0)
    pair.b.session.open_stream(Purpose.GET_RECORDS, b"", 0.0)  # each side has its own number of them
    many = LinkPair.open(session_config(ALICE, streams=9), session_config(BOB, streams=2))
    numbers = [many.a.session.open_stream(Purpose.GET_RECORDS, b"", 0.0) for _ in range(3)]
    many.run()
    ended = many.a.one(StreamEnded)
    assert ended.number == numbers[2] and isinstance(ended.error, RequestFailed)
    assert ended.error.code == ErrorCode.BUSY


def test_streams_end_with_the_link() -> None:
    pair = link()
    number = stream(pair)
    pair.a.session.close(0.0)
    pair.run()
    for end in (pair.a, pair.b):
        ended = end.one(StreamEnded)
        assert ended.number == number and isinstance(ended.error, LinkClosed)


def say(message: object) -> bytes:
    return pack_frame(ENCODINGS["msgpack"].encode(message))  # type: ignore[arg-type]


def plain_stream() -> tuple[LinkPair, int]:
    settings = {"stream_credit_bytes": 20_000}
    a = session_config(ALICE, {"without_tls": True}, **settings)
    pair = LinkPair.open(a, session_config(BOB, {"without_tls": True}, **settings))
    return pair, stream(pair)


def test_data_beyond_the_credit_resets_the_stream_and_is_not_kept() -> None:
    pair, number = plain_stream()
    for _ in range(3):
        pair.b.session.receive(say(StreamData(number, bytes(10_000))), 0.0)
    pair.run()
    assert len(pair.b.take(StreamReceived)) == 2
    assert isinstance(pair.b.one(StreamEnded).error, Violation)
    reset = pair.a.one(StreamEnded).error
    assert isinstance(reset, RequestFailed) and reset.code == ErrorCode.FLOW
    assert pair.b.session.life is Life.OPEN and pair.b.session.stats().resets == 1


def test_data_before_the_answer_resets_the_stream_and_the_answer_is_late() -> None:
    pair, _ = plain_stream()
    number = pair.a.session.open_stream(Purpose.GET_RECORDS, b"", 0.0)
    pair.a.session.receive(say(StreamData(number, b"x")), 0.0)
    pair.a.drain(0.0)
    assert isinstance(pair.a.one(StreamEnded).error, Violation)
    pair.a.session.receive(say(Reply(number, 1000)), 0.0)
    pair.a.drain(0.0)
    assert not pair.a.events and pair.a.session.life is Life.OPEN
    assert pair.a.session.stats().late == 1


def test_too_much_credit_resets_the_stream() -> None:
    pair, number = plain_stream()
    for _ in range(2):
        pair.b.session.receive(say(StreamCredit(number, 4 << 20)), 0.0)
    pair.run()
    assert isinstance(pair.b.one(StreamEnded).error, Violation)


@pytest.mark.parametrize(
    "message", [StreamData(99, b"x"), StreamCredit(99, 1), StreamClose(98), StreamReset(98, 0), StreamData(98, b"x")]
)
def test_streams_that_never_were(message: object) -> None:
    pair, _ = plain_stream()
    pair.b.session.receive(say(message), 0.0)
    pair.run()
    assert isinstance(pair.b.error, Violation)
    assert isinstance(pair.a.error, PeerLeft)


def test_data_after_the_end() -> None:
    pair, number = plain_stream()
    pair.b.session.receive(say(StreamClose(number)) + say(StreamData(number, b"x")), 0.0)
    pair.run()
    assert isinstance(pair.b.one(StreamEnded).error, Violation)
    pair, number = plain_stream()
    pair.b.session.receive(say(StreamClose(number)) * 2, 0.0)
    pair.run()
    assert isinstance(pair.b.error, Violation)


def test_what_this_side_does_wrong() -> None:
    pair = link()
    number = pair.a.session.open_stream(Purpose.GET_RECORDS, b"", 0.0)
    with pytest.raises(WrongState, match="not open yet"):
        pair.a.session.stream_send(number, b"x")
    pair.run()
    with pytest.raises(WrongState):
        pair.a.session.accept_stream(number)
    pair.b.session.accept_stream(number)
    pair.run()
    pair.a.session.stream_finish(number)
    with pytest.raises(WrongState, match="finished"):
        pair.a.session.stream_send(number, b"x")


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 50_000), st.booleans()), max_size=40),
    st.integers(1000, 100_000),
)
def test_pieces_never_exceed_credit_and_lose_nothing(steps: list[tuple[int, int, bool]], window: int) -> None:
    """Two `Streams` talk directly; what one takes to send, the other receives, in order, within its window."""
    a, b = Streams(window), Streams(window)
    given: dict[int, bytearray] = {}
    got: dict[int, bytearray] = {}
    for number in (1, 3, 5):
        a.add(number, ours=True, send_credit=0)
        b.add(number, ours=False, send_credit=0)
        b.opened(number, 0)
        a.opened(number, window)
        given[number], got[number] = bytearray(), bytearray()
    held = dict.fromkeys((1, 3, 5), 0)
    for mark, (which, size, consume) in enumerate(steps):
        number = (1, 3, 5)[which]
        data = bytes([mark % 251]) * size
        given[number] += data[: a.send(number, data)]
        while (piece := a.next_piece()) is not None:
            assert isinstance(piece, StreamData)
            b.received(piece.stream, len(piece.data))
            got[piece.stream] += piece.data
            held[piece.stream] += len(piece.data)
            assert held[piece.stream] <= window
        if consume:
            credit = b.consumed(number, held[number])
            held[number] = 0
            if credit:
                a.credited(number, credit)
    for number in given:
        assert given[number].startswith(got[number])
        assert len(given[number]) - len(got[number]) <= window
    assert a.unsent_bytes == sum(len(given[number]) - len(got[number]) for number in given)
