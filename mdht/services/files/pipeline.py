"""One long-lived stream to one peer: items go out one after another, and an answer to each comes back, in order.

It is opened when the first item is there. When it breaks, or no answer comes for `stall_s`, all that wait on it
get the error, and it is `dead`: others are asked then. What waits in it is bounded by the window of its user.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

from ...codec import ErrorCode, Purpose
from ...errors import LinkClosed, RemoteError, TimedOut
from ...files import ReplyReader, VerdictReader
from ...limits import REQUEST_TIMEOUT_S, STREAM_CREDIT_BYTES, STREAM_WIDE_BYTES
from ...model import short_id
from ...routing import Latency
from ..roster import Known
from .streams import FileStream, StreamPort

_BATCH_BYTES: Final = STREAM_CREDIT_BYTES
"""Bytes of items sent at once: as many as a stream takes."""

_Waiting = tuple[bytes, int, "asyncio.Future[Any]"]


class Pipeline:
    """See the module. Made for PUT_RECORDS, GET_RECORDS or RENEW_RECORDS. `latency` is told of its silences."""

    def __init__(
        self, port: StreamPort, peer: Known, purpose: Purpose, stall_s: float, latency: Latency | None = None
    ) -> None:
        self.peer = peer
        self.dead: Exception | None = None
        """Why it is of no use any more."""
        self.load_bytes = 0
        """What waits to be answered, as `submit` was told."""
        self._port = port
        self._purpose = purpose
        self._reader: VerdictReader | ReplyReader = ReplyReader() if purpose is Purpose.GET_RECORDS else VerdictReader()
        self._queue: deque[_Waiting] = deque()
        self._sent: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._stream: FileStream | None = None
        self._stall_s = stall_s
        self._latency = latency
        self._moved_s = 0.0
        self._task: asyncio.Task[None] | None = None

    def submit(self, item: bytes, cost_bytes: int) -> asyncio.Future[Any]:
        """The answer to come. `cost_bytes`: what the item and its answer come to."""
        loop = self._port.desk.loop
        future: asyncio.Future[Any] = loop.create_future()
        if self.dead is not None:
            future.set_exception(self.dead)
            return future
        if not self.load_bytes:
            self._moved_s = loop.time()
        self._queue.append((item, cost_bytes, future))
        self.load_bytes += cost_bytes
        self._wake.set()
        if self._task is None:
            self._task = loop.create_task(self._run())
        return future

    @property
    def silent_s(self) -> float:
        """Seconds since it last answered, where something waits; 0: nothing does."""
        return self._port.desk.now_s - self._moved_s if self.load_bytes else 0.0

    def check(self, now_s: float) -> None:
        """Give it up where its peer is silent; to be called about every second."""
        if self.load_bytes and self.dead is None and now_s > self._moved_s + self._stall_s:
            self.fail(TimedOut(f"a stream to {short_id(self.peer.id)}", self._stall_s))

    def close(self) -> None:
        """Nobody wants it any more."""
        self._end(LinkClosed(short_id(self.peer.id), "not wanted any more"), polite=not self.load_bytes)

    def fail(self, error: Exception) -> None:
        """It is of no use."""
        self._end(error, polite=False)

    def _end(self, error: Exception, polite: bool) -> None:
        if self.dead is not None:
            return
        self.dead = error
        stream, self._stream = self._stream, None
        if stream is not None and polite:
            stream.finish()
        elif stream is not None:
            stream.reset(ErrorCode.CANCELLED)
        if self._task is not None:
            self._task.cancel()
        waiting = [*self._sent, *self._queue]
        self._sent.clear()
        self._queue.clear()
        self.load_bytes = 0
        for _, _, future in waiting:
            if not future.done():
                future.set_exception(error)

    # -- sending -------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            stream = await self._port.open(self.peer, self._purpose, self, REQUEST_TIMEOUT_S)
            if self.dead is not None:
                stream.reset(ErrorCode.CANCELLED)
                return
            self._stream = stream
            if self._purpose is Purpose.GET_RECORDS:
                stream.widen(STREAM_WIDE_BYTES)  # no more comes than was asked for
            while True:
                if not self._queue:
                    self._wake.clear()
                    await self._wake.wait()
                await stream.send(self._batch())
        except Exception as error:
            self.fail(error)  # to whoever waits

    def _batch(self) -> bytes:
        items: list[bytes] = []
        size = 0
        while self._queue and (not items or size + len(self._queue[0][0]) <= _BATCH_BYTES):
            waiting = self._queue.popleft()
            self._sent.append(waiting)
            items.append(waiting[0])
            size += len(waiting[0])
        return b"".join(items)

    # -- what comes ----------------------------------------------------------------------------------------------------

    def came(self, data: bytes) -> None:
        """See `StreamUser`."""
        try:
            answers: list[Any] = list(self._reader.feed_untrusted(data))
            if len(answers) > len(self._sent):
                raise RemoteError("more answers on a stream than items were sent")
        except RemoteError as error:
            self.fail(error)
            return
        if self._latency is not None and self.load_bytes:
            self._latency.observe(self.silent_s)
        self._moved_s = self._port.desk.now_s
        for answer in answers:
            _, cost_bytes, future = self._sent.popleft()
            self.load_bytes -= cost_bytes
            if not future.done():
                future.set_result(answer)
        if self._stream is not None:
            self._stream.consumed(len(data))

    def done(self) -> None:
        """See `StreamUser`."""
        self.fail(LinkClosed(short_id(self.peer.id), "it ended its stream"))

    def over(self, error: Exception | None) -> None:
        """See `StreamUser`."""
        self._stream = None
        self.fail(error or LinkClosed(short_id(self.peer.id), "the stream is over"))
