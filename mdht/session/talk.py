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

from typing import Final

from ..codec import (
    NOTICES,
    REPLIES,
    REQUESTS,
    Claim,
    Error,
    ErrorCode,
    Farewell,
    Goodbye,
    Moving,
    Notice,
    Ping,
    Pong,
    Reply,
    Request,
    StreamClose,
    StreamOpen,
    answer_unknown,
    failure,
    pack_frame,
)
from ..codec import StreamOpened as StreamOpenedReply
from ..codec.unknown import Unknown
from ..errors import MdhtError, TimedOut, WrongState
from .errors import PeerLeft, Violation
from .events import Answered, Asked, Noticed, StreamEnded, StreamOpened, StreamWritable, Unanswered, Writable
from .talk_streams import STREAM_NOTICES, StreamTalk

_REPLY_FACTOR: Final = 4
"""Replies may fill this many times `write_bytes`: what was asked before reading paused is still answered."""


class Talk(StreamTalk):
    """One side of the talk on one link. Its layers are bases, so that no message passes through one more call.

    Arguments as of `Outgoing`.
    """

    # -- what we say ---------------------------------------------------------------------------------------------------

    def request(self, message: Request, now_s: float, timeout_s: float | None) -> None:
        """Asks. Raises `WrongState`, `LinkFull`, or `TooLarge`; then nothing was sent."""
        if type(message) is StreamOpen:
            raise WrongState("a request", "STREAM_OPEN", "be sent but by open_stream")
        self._ask(message, now_s, timeout_s)

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
        elif kind in STREAM_NOTICES:
            self._on_stream_notice(message, len(frame))  # type: ignore[arg-type]
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
            case Moving() | Claim():
                self._emit(Noticed(message), size)
            case Goodbye(reason, text):
                known = reason in Farewell.__members__.values()
                raise PeerLeft(Farewell(reason).name.lower().replace("_", " ") if known else f"reason {reason}", text)

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
