"""Streams of one link: credit in both directions, and whose turn it is to send.

*Credit* (HTTP/2's windows, RFC 9113 §5.2). Each side may send as many bytes as it was granted; the reader grants more
as it consumes, once half of its window is used up, so one grant serves many pieces. So what waits to be consumed is
at most a window a stream, whoever sends. Data beyond the credit resets the stream.

*Turns*. Streams that have something to send and credit for it stand in a ring; the first sends one piece of at most
`STREAM_DATA_BYTES` and goes to the end. Pieces are taken only after all messages, and only as many as fill a turn: a
small reply waits for a turn, not for a file.

Numbers, deadlines and who may open a stream are the session's. No clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..codec import StreamClose, StreamData
from ..errors import LinkClosed, WrongState
from ..limits import STREAM_DATA_BYTES, STREAM_WINDOW_BYTES
from .errors import Violation


@dataclass(slots=True, eq=False)
class Stream:
    """One stream. `opened`: both sides agreed to it. `ours`: we opened it."""

    number: int
    ours: bool
    opened: bool = False
    send_credit: int = 0  # bytes that we may send
    receive_credit: int = 0  # bytes that the peer may send
    window: int = 0  # bytes that may wait to be consumed here
    consumed: int = 0  # bytes consumed here and not granted anew
    unsent: int = 0
    finishing: bool = False  # we send nothing after what is unsent
    sent_close: bool = False
    got_close: bool = False
    short_of_room: bool = False
    in_ring: bool = False
    out: deque[memoryview] = field(default_factory=deque)

    @property
    def over(self) -> bool:
        """Both directions have ended."""
        return self.sent_close and self.got_close


class Streams:
    """All streams of one link, each with a window of `window_bytes` here, unless it is widened."""

    def __init__(self, window_bytes: int) -> None:
        self.window_bytes = window_bytes
        self._streams: dict[int, Stream] = {}
        self._ring: deque[Stream] = deque()
        self.ours = 0
        """How many of them we opened."""

    def __len__(self) -> int:
        return len(self._streams)

    def __contains__(self, number: object) -> bool:
        return number in self._streams

    def __iter__(self) -> Iterator[int]:
        return iter(self._streams)

    @property
    def theirs(self) -> int:
        """How many of them the peer opened."""
        return len(self._streams) - self.ours

    @property
    def unsent_bytes(self) -> int:
        """What waits to be sent, in all streams."""
        return sum(stream.unsent for stream in self._streams.values())

    @property
    def ready(self) -> bool:
        """Whether `next_piece` would give one."""
        return bool(self._ring)

    def add(self, number: int, *, ours: bool, send_credit: int) -> None:
        """A stream is being opened. The peer has, or gets with the request or its answer, a window of credit."""
        window = self.window_bytes
        self._streams[number] = Stream(number, ours, send_credit=send_credit, receive_credit=window, window=window)
        self.ours += ours

    def opened(self, number: int, credit: int) -> None:
        """Both sides agreed; we may send `credit` bytes more. Raises `Violation` for too much credit."""
        stream = self._streams[number]
        stream.opened = True
        self.credited(number, credit)

    def get(self, number: int) -> Stream | None:
        """The stream, unless it is over."""
        return self._streams.get(number)

    def remove(self, number: int) -> None:
        """It is over. What was not sent is dropped."""
        stream = self._streams.pop(number)
        self.ours -= stream.ours
        if stream.in_ring:
            self._ring.remove(stream)

    def clear(self) -> list[int]:
        """The link ended: the numbers of all streams."""
        numbers = list(self._streams)
        self._streams.clear()
        self._ring.clear()
        self.ours = 0
        return numbers

    # -- sending -------------------------------------------------------------------------------------------------------

    def send(self, number: int, data: bytes | memoryview) -> int:
        """Takes as much of `data` as there is room for, and says how much: as many bytes may wait as a window has.

        Raises:
            LinkClosed: the stream is over.
            WrongState: it is not opened yet, or finished by us.
        """
        stream = self._writable(number, "send")
        taken = min(len(data), self.window_bytes - stream.unsent)
        if taken < len(data):
            stream.short_of_room = True
        if taken > 0:
            stream.out.append(memoryview(data)[:taken])
            stream.unsent += taken
            self._stand(stream)
        return max(0, taken)

    def finish(self, number: int) -> None:
        """Nothing more comes from us, after what was sent. Raises as `send` does."""
        stream = self._writable(number, "finish")
        stream.finishing = True
        self._stand(stream)

    def _writable(self, number: int, what: str) -> Stream:
        stream = self._streams.get(number)
        if stream is None:
            raise LinkClosed("", f"stream {number} is over")
        if not stream.opened:
            raise WrongState("a stream", "not open yet", what)
        if stream.finishing:
            raise WrongState("a stream", "finished", what)
        return stream

    def credited(self, number: int, credit: int) -> None:
        """The peer grants more. Raises `Violation` beyond what a window may have."""
        stream = self._streams[number]
        stream.send_credit += credit
        if stream.send_credit > STREAM_WINDOW_BYTES:
            raise Violation(f"credit of {stream.send_credit:,} bytes, where {STREAM_WINDOW_BYTES:,} are allowed")
        self._stand(stream)

    def _stand(self, stream: Stream) -> None:
        """In the ring, if there is something that it may send."""
        may = stream.opened and not stream.sent_close
        if may and not stream.in_ring and (stream.send_credit if stream.out else stream.finishing):
            stream.in_ring = True
            self._ring.append(stream)

    def next_piece(self) -> StreamData | StreamClose | None:
        """The next message of the stream whose turn it is; None if none has one. It counts as sent."""
        if not self._ring:
            return None
        stream = self._ring.popleft()
        stream.in_ring = False
        if not stream.out:
            stream.sent_close = True
            return StreamClose(stream.number)
        head = stream.out[0]
        size = min(len(head), STREAM_DATA_BYTES, stream.send_credit)
        if size == len(head):
            stream.out.popleft()
        else:
            stream.out[0] = head[size:]
        stream.send_credit -= size
        stream.unsent -= size
        self._stand(stream)
        return StreamData(stream.number, bytes(head[:size]))

    def has_room(self, number: int) -> bool:
        """Whether half a window is free again in a stream that was short of room; True only once."""
        stream = self._streams.get(number)
        if stream is None or not stream.short_of_room or stream.unsent > self.window_bytes // 2:
            return False
        stream.short_of_room = False
        return True

    # -- receiving -----------------------------------------------------------------------------------------------------

    def received(self, number: int, size: int) -> None:
        """A piece came. Raises `Violation` if there was no credit for it, or the peer had finished."""
        stream = self._streams[number]
        if stream.got_close or not stream.opened:
            raise Violation("data on a stream that is not open")
        if size > stream.receive_credit:
            raise Violation(f"{size:,} bytes on a stream that had credit for {stream.receive_credit:,}")
        stream.receive_credit -= size

    def closed(self, number: int) -> None:
        """The peer finished. Raises `Violation` if it had before."""
        stream = self._streams[number]
        if stream.got_close or not stream.opened:
            raise Violation("the end of a stream that is not open")
        stream.got_close = True

    def consumed(self, number: int, size: int) -> int:
        """That many bytes were used here: the credit to grant now, or 0 while it is not worth a message."""
        stream = self._streams.get(number)
        if stream is None:
            return 0
        stream.consumed += size
        if stream.consumed + stream.receive_credit > stream.window:
            stream.consumed -= size
            raise WrongState("a stream", "read", f"have consumed {size:,} bytes more than it received")
        if stream.got_close or stream.consumed < self.window_bytes // 2:
            return 0
        credit, stream.consumed = stream.consumed, 0
        stream.receive_credit += credit
        return credit

    def widened(self, number: int, window_bytes: int) -> int:
        """From now on so many bytes may wait to be consumed here: the credit to grant for it, 0 where that is no more.

        Raises `WrongState` for more than any peer takes, or a stream that is not open.
        """
        stream = self._streams.get(number)
        if stream is None:
            return 0
        if window_bytes > STREAM_WINDOW_BYTES or not stream.opened:
            raise WrongState("a stream", "as it is", f"have a window of {window_bytes:,} bytes")
        credit = max(0, window_bytes - stream.window)
        stream.window += credit
        stream.receive_credit += credit
        return credit
