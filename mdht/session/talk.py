"""What two proven peers say to each other: requests and their answers, notices, streams. Bytes of frames in and out.

Everything that waits has a bound:

| what waits | bound | beyond it |
|---|---|---|
| our requests for an answer | `requests` | `request` raises `LinkFull` |
| the peer's requests for ours | `requests` | the session answers BUSY |
| bytes of those | `request_bytes` | reading should pause |
| messages to be sent | `write_bytes` | `request` raises `LinkFull`, reading should pause |
| replies to be sent | four times that | BUSY goes instead: the peer asks, and does not read |
| streams | `streams` each side | `open_stream` raises `LinkFull`; BUSY |
| a stream's bytes, each direction | `stream_credit_bytes` | `stream_send` takes less; the stream is reset |

What is sent: all messages first, in order, then pieces of streams, each stream in its turn, until a turn is full (at
least one piece a turn, so messages cannot hold streams up for ever).

What a peer may not send raises `Violation` or `BadMessage`, and the link ends. What a newer peer may send is answered
UNSUPPORTED (requests) or ignored, and counted. What comes too late (a reply after its deadline, a piece of a stream
that was reset here) is ignored, and counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from ..codec import (
    NOTICES,
    REPLIES,
    REQUESTS,
    Claim,
    Encoding,
    Error,
    ErrorCode,
    Farewell,
    Goodbye,
    Message,
    Moving,
    Notice,
    Ping,
    Pong,
    Reply,
    Request,
    StreamClose,
    StreamCredit,
    StreamData,
    StreamOpen,
    StreamReset,
    answer_unknown,
    failure,
    pack_frame,
)
from ..codec import StreamOpened as StreamOpenedReply
from ..codec.unknown import Unknown
from ..errors import LinkClosed, MdhtError, RequestFailed, TimedOut, WrongState
from ..limits import NUMBER_MAX, TEXT_CHARS
from .config import SessionConfig
from .errors import LinkFull, PeerLeft, Violation
from .events import (
    Answered,
    Asked,
    Event,
    Noticed,
    StreamAsked,
    StreamEnded,
    StreamFinished,
    StreamOpened,
    StreamReceived,
    StreamWritable,
    Unanswered,
    Writable,
)
from .requests import OurRequests, TheirRequests
from .stats import Counters
from .streams import Streams

_REPLY_FACTOR: Final = 4
"""Replies may fill this many times `write_bytes`: what was asked before reading paused is still answered."""


class Talk:
    """One side of the talk on one link.

    Arguments:
        config: bounds and waits.
        encoding: what the handshake chose.
        dialled: by us, so our numbers are odd.
        who: the peer's short id, for errors.
        count: where to count.
        emit: takes each event, and the bytes in it.
        wall_offset_s: added to `now_s` gives seconds since 1970.
    """

    def __init__(
        self,
        config: SessionConfig,
        encoding: Encoding,
        *,
        dialled: bool,
        who: str,
        count: Counters,
        emit: Callable[[Event, int], None],
        wall_offset_s: float,
    ) -> None:
        self.asking = True
        """Whether new requests and streams of ours are allowed."""
        self.rtt_s = 0.0
        self._config = config
        self._encode = encoding.encode
        self._decode = encoding.decode
        self._who = who
        self._count = count
        self._emit = emit
        self._wall_offset_s = wall_offset_s
        self._streams = Streams(config.stream_credit_bytes)
        self._ours = OurRequests(dialled, config.requests, self._streams)
        self._theirs = TheirRequests(dialled, config.requests)
        self._taken_back: set[int] = set()
        """Streams that the peer asked for and gave up, before this node has answered: it could not know in time."""
        self._own_parity = 1 if dialled else 0
        self._out: deque[bytes] = deque()
        self._out_bytes = 0
        self._short_of_room = False
        self._pinged: tuple[int, float] = (0, 0.0)  # number and time of the last ping

    # -- what we say ---------------------------------------------------------------------------------------------------

    @property
    def next_number(self) -> int:
        """The number that the next request must have."""
        return self._ours.next_number

    def request(self, message: Request, now_s: float, timeout_s: float | None) -> None:
        """Asks. Raises `WrongState`, `LinkFull`, or `TooLarge`; then nothing was sent."""
        if type(message) is StreamOpen:
            raise WrongState("a request", "STREAM_OPEN", "be sent but by open_stream")
        self._ask(message, now_s, timeout_s)

    def _ask(self, message: Request, now_s: float, timeout_s: float | None) -> None:
        if not self.asking:
            raise WrongState("a link", "ending", "ask")
        self._ours.check(message.request)
        if self._out_bytes > self._config.write_bytes:
            self._short_of_room = True
            raise LinkFull("bytes", self._config.write_bytes)
        self._push(message)
        self._ours.add(message.request, type(message), now_s, self._wait_s(timeout_s))

    def ping(self, now_s: float, timeout_s: float | None, *, quiet: bool) -> int:
        """Pings, whatever else waits to be sent. `quiet`: no event tells of the answer. Returns the number."""
        number = self._ours.next_number
        self._push(Ping(number, self._time_ms(now_s)))
        self._count.pings += 1
        self._ours.add(number, Ping, now_s, self._wait_s(timeout_s), quiet)
        self._pinged = (number, now_s)
        return number

    def reply(self, message: Reply) -> None:
        """Answers a request of the peer; nothing happens if the peer took it back. Raises `WrongState` if it does not
        wait, `TooLarge`.
        """
        number = message.request
        if number not in self._theirs:
            if number in self._taken_back:
                self._taken_back.remove(number)
                return
            raise WrongState("a request", f"not waiting ({number})", "be answered")
        stream = self._streams.get(number)
        if stream is not None and not isinstance(message, Error):
            raise WrongState("a stream", "being opened", "be answered but by accept_stream or an ERROR")
        if self._out_bytes > _REPLY_FACTOR * self._config.write_bytes:
            self._count.busy += 1
            message = Error(number, ErrorCode.BUSY, "you ask faster than you read")
        self._push(message)
        self._theirs.answered(number)
        if stream is not None:
            self._streams.remove(number)

    def notify(self, message: Notice) -> None:
        """Says something that needs no answer."""
        self._push(message)

    def goodbye(self, farewell: Farewell, text: str, *, at_once: bool) -> None:
        """The last message. `at_once`: what waits to be sent is dropped; pieces of streams always are."""
        if at_once:
            self._out.clear()
            self._out_bytes = 0
        self._push(Goodbye(farewell, text[:TEXT_CHARS]))

    def _push(self, message: Message) -> None:
        frame = pack_frame(self._encode(message))
        self._out.append(frame)
        self._out_bytes += len(frame)
        self._count.sent_messages += 1

    # -- streams -------------------------------------------------------------------------------------------------------

    def open_stream(self, purpose: int, about: bytes, now_s: float, timeout_s: float | None) -> int:
        """Asks to open a stream; returns its number. `StreamOpened` or `StreamEnded` follows."""
        if self._streams.ours >= self._config.streams:
            raise LinkFull("streams", self._config.streams)
        number = self._ours.next_number
        self._ask(StreamOpen(number, purpose, about, self._streams.window_bytes), now_s, timeout_s)
        self._streams.add(number, ours=True, send_credit=0)
        return number

    def accept_stream(self, number: int) -> None:
        """Agrees to a stream that the peer asked for. Raises `WrongState`, or `LinkClosed` if it is over."""
        stream = self._streams.get(number)
        if stream is None:
            self._taken_back.discard(number)
            raise LinkClosed(self._who, f"stream {number} is over")
        if stream.ours or stream.opened:
            raise WrongState("a stream", "not asked for", "be accepted")
        self._push(StreamOpenedReply(number, self._streams.window_bytes))
        self._theirs.answered(number)
        self._streams.opened(number, 0)

    def stream_send(self, number: int, data: bytes | memoryview) -> int:
        """Takes as much as there is room for; `StreamWritable` tells when there is more. Raises `WrongState`."""
        return self._streams.send(number, data)

    def stream_finish(self, number: int) -> None:
        """Nothing more comes from us on it. Raises `WrongState`."""
        self._streams.finish(number)

    def stream_consumed(self, number: int, size: int) -> None:
        """That many bytes of `StreamReceived` were used. Raises `WrongState` for more than came."""
        credit = self._streams.consumed(number, size)
        if credit:
            self._push(StreamCredit(number, credit))

    def stream_widen(self, number: int, window_bytes: int) -> None:
        """So many bytes may wait to be consumed here. Raises `WrongState`."""
        credit = self._streams.widened(number, window_bytes)
        if credit:
            self._push(StreamCredit(number, credit))

    def stream_reset(self, number: int, code: int, text: str) -> None:
        """Gives a stream up, in both directions. Nothing happens if it is over. No event follows."""
        stream = self._streams.get(number)
        if stream is None:
            return
        if number in self._theirs:
            self._push(Error(number, code, text[:TEXT_CHARS]))
            self._theirs.answered(number)
        else:
            self._push(StreamReset(number, code, text[:TEXT_CHARS]))
            if stream.ours and not stream.opened:
                self._ours.drop(number)
        self._streams.remove(number)

    # -- what goes out -------------------------------------------------------------------------------------------------

    def take(self, *, streams: bool) -> bytes:
        """Frames for one turn: messages, then with `streams` as many pieces as there is room for, but at least one."""
        out = self._out
        turn = self._config.turn_bytes
        if self._out_bytes <= turn:
            frames = list(out)
            size = self._out_bytes
            out.clear()
        else:
            frames = []
            size = 0
            while out and size < turn:
                frames.append(out.popleft())
                size += len(frames[-1])
        self._out_bytes -= size
        ring = self._streams
        if streams and ring.ready:
            while True:
                piece = ring.next_piece()
                if piece is None:
                    break
                frames.append(pack_frame(self._encode(piece)))
                size += len(frames[-1])
                self._count.sent_messages += 1
                number = piece.stream
                if ring.has_room(number):
                    self._emit(StreamWritable(number), 0)
                if type(piece) is StreamClose:
                    self._end_if_over(number)
                if size >= turn:
                    break
        if self._short_of_room and self._out_bytes <= self._config.write_resume_bytes:
            self._short_of_room = False
            self._emit(Writable(), 0)
        return frames[0] if len(frames) == 1 else b"".join(frames)

    @property
    def unsent_bytes(self) -> int:
        """Messages that wait."""
        return self._out_bytes

    @property
    def unsent_stream_bytes(self) -> int:
        """Pieces of streams that wait."""
        return self._streams.unsent_bytes

    @property
    def is_behind(self) -> bool:
        """More waits than should: of messages to be sent, or of the peer's requests for our answers."""
        config = self._config
        return self._out_bytes > config.write_bytes or self._theirs.bytes > config.request_bytes

    @property
    def has_data(self) -> bool:
        """Whether `take` would give something."""
        return bool(self._out) or self._streams.ready

    @property
    def idle(self) -> bool:
        """Nothing waits for an answer, on either side, and no stream is open."""
        return not (len(self._ours) or len(self._theirs) or len(self._streams))

    @property
    def waiting(self) -> tuple[int, int, int]:
        """Our requests, the peer's, and streams, now."""
        return len(self._ours), len(self._theirs), len(self._streams)

    # -- what the peer says --------------------------------------------------------------------------------------------

    def receive_untrusted(self, frame: bytes, now_s: float) -> None:
        """One frame. Raises `BadMessage` or `Violation`, and `PeerLeft` for a goodbye: the link ends."""
        message = self._decode(frame)
        self._count.received_messages += 1
        kind = type(message)
        if kind in REPLIES:
            self._on_reply(message, len(frame), now_s)  # type: ignore[arg-type]
        elif kind in REQUESTS:
            self._on_request(message, len(frame), now_s)  # type: ignore[arg-type]
        elif kind in NOTICES:
            self._on_notice(message, len(frame))  # type: ignore[arg-type]
        else:
            self._on_unknown(message)  # type: ignore[arg-type]

    def _on_request(self, message: Request, size: int, now_s: float) -> None:
        number = message.request
        if not self._theirs.add(number, size):
            self._busy(number, "requests")
        elif isinstance(message, Ping):
            self._theirs.answered(number)
            self._push(Pong(number, self._time_ms(now_s)))
            self._count.pings += 1
        elif isinstance(message, StreamOpen):
            self._on_stream_open(message, size)
        else:
            self._emit(Asked(message), size)

    def _on_stream_open(self, message: StreamOpen, size: int) -> None:
        number = message.request
        if number in self._streams or number in self._taken_back:
            raise Violation(f"stream {number} is opened twice")
        if self._streams.theirs >= self._config.streams:
            self._theirs.answered(number)
            self._busy(number, "streams")
            return
        self._streams.add(number, ours=False, send_credit=message.credit)
        self._emit(StreamAsked(number, message.purpose, message.about), size)

    def _busy(self, number: int, what: str) -> None:
        self._count.busy += 1
        self._push(Error(number, ErrorCode.BUSY, f"too many {what} at once"))

    def _on_reply(self, message: Reply, size: int, now_s: float) -> None:
        number = message.request
        wanted = self._ours.answered(message)
        if wanted is None:
            if number & 1 != self._own_parity or not self._ours.sent(number):
                raise Violation(f"an answer to request {number}, which was never sent")
            self._count.late += 1
            return
        if number == self._pinged[0]:
            self.rtt_s = max(0.0, now_s - self._pinged[1])
        if number in self._streams:
            if isinstance(message, Error):
                self._streams.remove(number)
                self._emit(StreamEnded(number, failure(message, self._who)), size)
            else:
                assert isinstance(message, StreamOpenedReply), "checked against the request"
                self._streams.opened(number, message.credit)
                self._emit(StreamOpened(number), size)
        elif wanted:
            self._emit(Answered(number, message), size)

    def _on_notice(self, message: Notice, size: int) -> None:
        match message:
            case StreamData(number, data):
                if self._has(number):
                    self._guarded(number, lambda: self._streams.received(number, len(data)))
                    if number in self._streams:
                        self._emit(StreamReceived(number, data), size)
            case StreamCredit(number, credit):
                if self._has(number):
                    self._guarded(number, lambda: self._streams.credited(number, credit))
            case StreamClose(number):
                if self._has(number):
                    self._streams.closed(number)
                    self._emit(StreamFinished(number), size)
                    self._end_if_over(number)
            case StreamReset(number, code, text):
                if self._has(number):
                    self._streams.remove(number)
                    if number in self._theirs:
                        self._theirs.answered(number)
                        self._taken_back.add(number)
                    self._emit(StreamEnded(number, RequestFailed(code, text, self._who)), size)
            case Moving() | Claim():
                self._emit(Noticed(message), size)
            case Goodbye(reason, text):
                known = reason in Farewell.__members__.values()
                raise PeerLeft(Farewell(reason).name.lower().replace("_", " ") if known else f"reason {reason}", text)

    def _has(self, number: int) -> bool:
        """Whether it is a stream. False, and counted, if it was one. Raises `Violation` if it never was."""
        if number in self._streams:
            return True
        ours = number & 1 == self._own_parity
        if not (self._ours.sent(number) if ours else number <= self._theirs.highest):
            raise Violation(f"stream {number} was never opened")
        self._count.late += 1
        return False

    def _guarded(self, number: int, step: Callable[[], None]) -> None:
        """What breaks only the rules of one stream ends that stream."""
        try:
            step()
        except Violation as error:
            self._count.resets += 1
            if number in self._theirs:
                self._taken_back.add(number)
            self.stream_reset(number, ErrorCode.FLOW, error.rule)
            self._emit(StreamEnded(number, error), 0)

    def _end_if_over(self, number: int) -> None:
        stream = self._streams.get(number)
        if stream is not None and stream.over:
            self._streams.remove(number)
            self._emit(StreamEnded(number), 0)

    def _on_unknown(self, message: Unknown) -> None:
        self._count.unknown += 1
        answer = answer_unknown(message)
        if answer is not None:
            self._push(answer)

    # -- time ----------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When our next request is late."""
        return self._ours.next_deadline()

    def handle_timer(self, now_s: float) -> None:
        """Requests that are late are given up."""
        for number, kind, quiet, timeout_s in self._ours.expire(now_s):
            self._count.timeouts += 1
            late = TimedOut(f"{kind.__name__} to {self._who}", timeout_s)
            if number in self._streams:
                self.stream_reset(number, ErrorCode.CANCELLED, "not opened in time")
                self._emit(StreamEnded(number, late), 0)
            elif not quiet:
                self._emit(Unanswered(number, late), 0)

    def end(self, error: MdhtError) -> None:
        """The link is over: whoever waits is told."""
        self.asking = False
        streams = self._streams.clear()
        for number in self._ours.forget():
            if number not in streams:
                self._emit(Unanswered(number, error), 0)
        for number in streams:
            self._emit(StreamEnded(number, error), 0)
        self._theirs.forget()
        self._taken_back.clear()

    def _wait_s(self, timeout_s: float | None) -> float:
        return self._config.request_timeout_s if timeout_s is None else timeout_s

    def _time_ms(self, now_s: float) -> int:
        return min(max(0, round((now_s + self._wall_offset_s) * 1000)), NUMBER_MAX)
