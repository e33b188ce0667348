"""Streams as messages of a link: asked for, agreed to, fed, ended, by either side.

What waits in a stream, its credit and its turns are in `streams`. What breaks only the rules of one stream ends that
stream, not the link.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..codec import Error, ErrorCode, StreamClose, StreamCredit, StreamData, StreamOpen, StreamReset
from ..codec import StreamOpened as StreamOpenedReply
from ..errors import LinkClosed, RequestFailed, WrongState
from ..limits import TEXT_CHARS
from .errors import LinkFull, Violation
from .events import StreamAsked, StreamEnded, StreamFinished, StreamReceived
from .talk_outgoing import Outgoing

StreamNotice = StreamData | StreamCredit | StreamClose | StreamReset

STREAM_NOTICES: Final = frozenset({StreamData, StreamCredit, StreamClose, StreamReset})
"""What `StreamTalk` takes from the peer besides requests and replies."""


class StreamTalk(Outgoing):
    """The streams of one link, on top of its messages. Arguments as of `Outgoing`."""

    # -- what we say ---------------------------------------------------------------------------------------------------

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

    @property
    def unsent_stream_bytes(self) -> int:
        """Pieces of streams that wait."""
        return self._streams.unsent_bytes

    # -- what the peer says --------------------------------------------------------------------------------------------

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

    def _on_stream_notice(self, message: StreamNotice, size: int) -> None:
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
