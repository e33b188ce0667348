"""What peers are served by streams: records that they ask for, that they put, and that they want kept for longer.

What waits in a stream is bounded: of records that are being stored and of answers that wait to be sent, `SERVED_BYTES`;
beyond that its peer gets no more credit, nor does anybody while all streams together have `SERVED_TOTAL_BYTES`. Records
are put by the store service, so its quotas, its checks and its sync apply, and a verdict is sent only after them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, Final

from ipc import IpcError

from ...codec import ErrorCode, Purpose, Verdict, error_for
from ...errors import LinkClosed, MdhtError, RemoteError
from ...files import RENEWAL_BYTES, AddressReader, PutReader, RenewalReader, Reply, pack_reply, pack_verdict
from ...limits import HASH_BYTES, SERVED_BYTES, SERVED_TOTAL_BYTES, STREAM_IDLE_S, STREAM_WIDE_BYTES
from ..commands import Get, Have, Kept, Put, Serve
from ..links.stream_commands import AcceptStream, StreamOffered
from ..upkeep.commands import Renew
from .desk import Desk
from .streams import FileStream, StreamPort

_log: Final = logging.getLogger(__name__)

_BATCH_BYTES: Final = 256 << 10
"""Bytes of answers that are sent at once: as many as a stream takes."""

_RENEWALS: Final = 64
"""Records of a stream that are renewed at a time: where the store is on a disk, by one sync."""

_WIDE: Final = SERVED_TOTAL_BYTES // STREAM_WIDE_BYTES
"""Streams of puts that have a wide window at a time: what they may send at once is what may wait here."""


class Served:
    """One stream of a peer, and its task. Subclasses answer what comes on it."""

    def __init__(self, serving: Serving, offered: StreamOffered) -> None:
        self.serving = serving
        self.peer = offered.peer
        self.subnet = offered.subnet
        self.moved_s = serving.desk.now_s
        self.stream: FileStream = serving.port.serve(offered, self)
        self.task = serving.desk.loop.create_task(self._guarded())
        self.task.add_done_callback(lambda _: self.closed())  # also where it was cancelled before it began
        self._wake = asyncio.Event()
        self._ended = False

    # -- what comes ----------------------------------------------------------------------------------------------------

    def came(self, data: bytes) -> None:
        """See `StreamUser`."""
        self.moved_s = self.serving.desk.now_s
        try:
            self.take_untrusted(data)
        except RemoteError as error:
            self.give_up(ErrorCode.REJECTED, str(error))
        self._wake.set()

    def done(self) -> None:
        """See `StreamUser`."""
        self._ended = True
        self._wake.set()

    def over(self, error: Exception | None) -> None:
        """See `StreamUser`."""
        self.task.cancel()

    def accepted(self) -> None:
        """Its peer may send."""

    def closed(self) -> None:
        """It is over."""
        self.serving.forget(self)

    def give_up(self, code: ErrorCode, text: str) -> None:
        """End it, with a reason for the peer."""
        self.stream.reset(code, text)
        self.task.cancel()

    # -- for subclasses ------------------------------------------------------------------------------------------------

    def take_untrusted(self, data: bytes) -> None:
        """What came. Raises RemoteError."""
        raise NotImplementedError

    async def serve(self) -> None:
        """Answer until all is answered and the peer has ended."""
        raise NotImplementedError

    async def woken(self) -> None:
        """Something came, or changed."""
        self._wake.clear()
        await self._wake.wait()

    @property
    def ended(self) -> bool:
        """The peer asks nothing more."""
        return self._ended

    def wake(self) -> None:
        """Something changed."""
        self._wake.set()

    async def _guarded(self) -> None:
        try:
            await self.serve()
            self.stream.finish()
        except (LinkClosed, IpcError):
            pass  # the peer is gone, or this node is closing: nobody is left to be told
        except MdhtError as error:
            told = error_for(0, error)
            self.stream.reset(ErrorCode(told.code), told.text)
        except Exception as error:
            _log.error("a stream of a peer failed here", exc_info=error)
            self.stream.reset(ErrorCode.INTERNAL, "internal error")


class ServedGets(Served):
    """Records by their addresses, in order."""

    def __init__(self, serving: Serving, offered: StreamOffered) -> None:
        self._reader = AddressReader()
        super().__init__(serving, offered)

    def take_untrusted(self, data: bytes) -> None:
        self._reader.feed_untrusted(data)

    async def serve(self) -> None:
        serving = self.serving
        while True:
            answers: list[bytes] = []
            size = 0
            while size < _BATCH_BYTES and (address := self._reader.next()) is not None:
                have: Any = await serving.desk.ask("store", Serve(Get(address)))
                answer = pack_reply(have.record if isinstance(have, Have) else None)
                serving.served_records += isinstance(have, Have)
                answers.append(answer)
                size += len(answer)
            if answers:
                await self.stream.send(b"".join(answers))
                self.moved_s = serving.desk.now_s
                self.stream.consumed(len(answers) * HASH_BYTES)
            elif self.ended:
                self._reader.finish()
                return
            else:
                await self.woken()


class ServedPuts(Served):
    """Records to be stored, each answered with its verdict, in order."""

    def __init__(self, serving: Serving, offered: StreamOffered) -> None:
        self._reader = PutReader()
        self._storing: deque[tuple[int, asyncio.Future[Any]]] = deque()
        self._waiting_bytes = 0
        self._unused_bytes = 0
        self._is_wide = False
        super().__init__(serving, offered)

    def accepted(self) -> None:
        if self.serving.wide < _WIDE:
            self.serving.wide += 1
            self._is_wide = True
            self.stream.widen(STREAM_WIDE_BYTES)

    def take_untrusted(self, data: bytes) -> None:
        self._unused_bytes += len(data)
        for record, lease_s in self._reader.feed_untrusted(data):
            put = Serve(Put(record, None, lease_s), self.peer, self.subnet)
            future = self.serving.desk.ask("store", put)
            future.add_done_callback(self._stored)
            self._storing.append((len(record), future))
            self._waiting_bytes += len(record)
            self.serving.waiting_bytes += len(record)
        self._grant()

    def _stored(self, future: asyncio.Future[Any]) -> None:
        if not future.cancelled():
            future.exception()  # it is looked at when its turn comes
        self.wake()

    def _grant(self) -> None:
        """Credit for more, unless too much waits."""
        if self._unused_bytes and self._waiting_bytes < SERVED_BYTES and not self.serving.is_full:
            size, self._unused_bytes = self._unused_bytes, 0
            self.stream.consumed(size)

    async def serve(self) -> None:
        serving, storing = self.serving, self._storing
        while True:
            self._grant()
            if not storing or not storing[0][1].done():
                if not storing and self.ended:
                    self._reader.finish()
                    return
                await self.woken()
                continue
            verdicts: list[bytes] = []
            size = 0
            while storing and storing[0][1].done():
                record_bytes, future = storing.popleft()
                size += record_bytes
                verdicts.append(pack_verdict(_verdict(future)))
                serving.kept_records += 1
            self._answered(size)
            await self.stream.send(b"".join(verdicts))
            self.moved_s = serving.desk.now_s

    def closed(self) -> None:
        self._answered(self._waiting_bytes)
        self.serving.wide -= self._is_wide
        super().closed()

    def _answered(self, size: int) -> None:
        self._waiting_bytes -= size
        self.serving.less(size)


class ServedRenewals(Served):
    """Content that is to be kept for longer, by its addresses, in order; what is not here is said to be so."""

    def __init__(self, serving: Serving, offered: StreamOffered) -> None:
        self._reader = RenewalReader()
        super().__init__(serving, offered)

    def take_untrusted(self, data: bytes) -> None:
        self._reader.feed_untrusted(data)

    async def serve(self) -> None:
        desk = self.serving.desk
        while True:
            if not (wanted := self._reader.take(_RENEWALS)):
                if self.ended:
                    self._reader.finish()
                    return
                await self.woken()
                continue
            asked = [desk.ask("store", Renew(one.address, one.lease_s, self.peer, self.subnet)) for one in wanted]
            await asyncio.gather(*asked, return_exceptions=True)
            await self.stream.send(b"".join([pack_verdict(_verdict(future)) for future in asked]))
            self.moved_s = desk.now_s
            self.serving.renewed_records += sum(not one.exception() and one.result() is not None for one in asked)
            self.stream.consumed(len(wanted) * RENEWAL_BYTES)


class Serving:
    """All streams of peers, at most `most` at a time."""

    def __init__(self, desk: Desk, port: StreamPort, most: int) -> None:
        self.desk = desk
        self.port = port
        self.waiting_bytes = 0
        """Of records that are being stored, for all streams."""
        self.wide = 0
        """How many of them have a wide window."""
        self.served_records = self.kept_records = self.renewed_records = self.refused = 0
        self._most = most
        self._all: dict[Served, None] = {}

    def __len__(self) -> int:
        return len(self._all)

    @property
    def is_full(self) -> bool:
        """Whether too much waits for the store, of all peers together."""
        return self.waiting_bytes >= SERVED_TOTAL_BYTES

    def less(self, size: int) -> None:
        """So much waits no more."""
        was_full = self.is_full
        self.waiting_bytes -= size
        if was_full and not self.is_full:
            for one in self._all:
                one.wake()

    def offered(self, offered: StreamOffered) -> None:
        """A peer wants a stream."""
        kind = _KINDS.get(offered.purpose)
        if kind is None:
            self._refuse(offered, ErrorCode.UNSUPPORTED, f"streams for purpose {offered.purpose} are not served here")
        elif len(self._all) >= self._most:
            self._refuse(offered, ErrorCode.BUSY, f"{self._most} streams are served already: ask another peer")
        else:
            served = kind(self, offered)
            self._all[served] = None
            self.desk.cast("links", AcceptStream(offered.link, offered.stream))
            served.accepted()

    def _refuse(self, offered: StreamOffered, code: ErrorCode, text: str) -> None:
        self.refused += 1
        self.port.refuse(offered, code, text)

    def forget(self, served: Served) -> None:
        """It is over."""
        self._all.pop(served, None)

    def check(self, now_s: float) -> None:
        """To be called every few seconds: streams on which nothing happens are ended."""
        for one in list(self._all):
            if now_s > one.moved_s + STREAM_IDLE_S:
                one.give_up(ErrorCode.CANCELLED, f"nothing was said in {STREAM_IDLE_S:g} s")

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Those that run."""
        return [one.task for one in self._all]


_KINDS: Final[dict[int, type[Served]]] = {
    Purpose.GET_RECORDS: ServedGets,
    Purpose.PUT_RECORDS: ServedPuts,
    Purpose.RENEW_RECORDS: ServedRenewals,
}


def _verdict(future: asyncio.Future[Any]) -> Reply:
    error = future.exception()
    if error is not None:
        told = error_for(0, error)
        return Reply(True, told.code, 0, told.text)
    kept = future.result()
    if kept is None:
        return Reply(True, int(ErrorCode.NOT_FOUND), 0, "not here")
    if not isinstance(kept, Kept):
        return Reply(True, int(ErrorCode.INTERNAL), 0, "internal error")
    return Reply(False, Verdict(kept.verdict), kept.lease_s)
