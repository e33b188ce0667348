"""The streams of the files service, as it uses them: opened by a coroutine, each with one who is told what comes."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from ipc import Interned, IpcError, ServiceDied

from ...codec import ErrorCode
from ...errors import LinkClosed
from ..links.stream_commands import (
    Consumed,
    FinishStream,
    OpenStream,
    ResetStream,
    SendOn,
    StreamCame,
    StreamDone,
    StreamFailed,
    StreamOffered,
    StreamOver,
    StreamReady,
    WidenStream,
)
from ..peers.commands import Connect, WhoIsThere
from ..roster import Known
from .desk import Desk

STREAM_NEWS: Final = frozenset({StreamReady, StreamFailed, StreamCame, StreamDone, StreamOver})
"""What `StreamPort.told` takes."""


class StreamUser(Protocol):
    """Who is told what comes on a stream."""

    def came(self, data: bytes) -> None:
        """The next piece; to be `consumed`."""

    def done(self) -> None:
        """The peer sends nothing more."""

    def over(self, error: Exception | None) -> None:
        """The last of all. Not told of what was reset here."""


class FileStream:
    """One stream. What is done to one that is over has no effect, but that `send` raises."""

    __slots__ = ("_port", "ended", "link", "number", "user")

    def __init__(self, port: StreamPort, link: int, number: int, user: StreamUser) -> None:
        self._port = port
        self.link = link
        self.number = number
        self.user = user
        self.ended = False

    async def send(self, data: bytes) -> None:
        """Returns when there is room for more. Raises LinkClosed, RequestFailed, TimedOut."""
        try:
            await self._port.desk.ask("links", SendOn(self.link, self.number, data))
        except ServiceDied as error:
            raise LinkClosed("", "the place of its link has died") from error

    def consumed(self, size_bytes: int) -> None:
        """So many bytes that came were used: the peer may send as many more."""
        if not self.ended and size_bytes:
            self._port.desk.cast("links", Consumed(self.link, self.number, size_bytes))

    def widen(self, window_bytes: int) -> None:
        """So many bytes may come before they are used."""
        if not self.ended:
            self._port.desk.cast("links", WidenStream(self.link, self.number, window_bytes))

    def finish(self) -> None:
        """Nothing more is sent."""
        if not self.ended:
            self._port.desk.cast("links", FinishStream(self.link, self.number))

    def reset(self, code: ErrorCode, text: str = "") -> None:
        """Give it up; its user is told nothing more."""
        if not self.ended:
            self._port.forget(self)
            try:
                self._port.desk.cast("links", ResetStream(self.link, self.number, int(code), text))
            except IpcError:
                pass  # the links are closed, and their streams with them


class StreamPort:
    """All streams of the service."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._streams: dict[tuple[int, int], FileStream] = {}
        self._opening: dict[int, tuple[StreamUser, asyncio.Future[FileStream]]] = {}
        self._roster: Interned | None = None

    async def open(self, peer: Known, purpose: int, user: StreamUser, timeout_s: float) -> FileStream:
        """A stream to that peer, which is linked first. Raises what `Connect` and `OpenStream` raise."""
        await self.desk.ask("peers", Connect(peer.record))
        if self._roster is None:
            self._roster = await self.desk.ask("peers", WhoIsThere())
        place = self._roster.value.place_of(peer.id)
        tag = self.desk.next_tag()
        future: asyncio.Future[FileStream] = self.desk.loop.create_future()
        self._opening[tag] = (user, future)
        try:
            self.desk.cast("links", OpenStream(tag, peer.id, int(purpose), b"", timeout_s, place))
            return await future
        finally:
            self._opening.pop(tag, None)

    def serve(self, offered: StreamOffered, user: StreamUser) -> FileStream:
        """The stream that a peer wants."""
        stream = FileStream(self, offered.link, offered.stream, user)
        self._streams[stream.link, stream.number] = stream
        return stream

    def refuse(self, offered: StreamOffered, code: ErrorCode, text: str) -> None:
        """Not that one."""
        self.desk.cast("links", ResetStream(offered.link, offered.stream, int(code), text))

    def told(self, news: Any) -> None:
        """One of `STREAM_NEWS`."""
        kind = type(news)
        if kind is StreamReady or kind is StreamFailed:
            self._opened(news)
            return
        stream = self._streams.get((news.link, news.stream))
        if stream is None:  # it was reset here, or was opened at another place, and is of no use here
            if kind is StreamCame:
                self.desk.cast("links", ResetStream(news.link, news.stream, int(ErrorCode.CANCELLED), "moved"))
            return
        if kind is StreamCame:
            stream.user.came(news.data)
        elif kind is StreamDone:
            stream.user.done()
        else:
            self.forget(stream)
            stream.user.over(news.error)

    def close(self) -> None:
        """Give up all of them."""
        for stream in list(self._streams.values()):
            stream.reset(ErrorCode.CANCELLED, "closed here")

    def forget(self, stream: FileStream) -> None:
        """It is over."""
        stream.ended = True
        self._streams.pop((stream.link, stream.number), None)

    def _opened(self, news: StreamReady | StreamFailed) -> None:
        waiting = self._opening.pop(news.tag, None)
        wanted = waiting is not None and not waiting[1].done()
        if isinstance(news, StreamReady):
            if waiting is None or not wanted:
                self.desk.cast("links", ResetStream(news.link, news.stream, int(ErrorCode.CANCELLED), "not wanted"))
                return
            stream = FileStream(self, news.link, news.stream, waiting[0])
            self._streams[stream.link, stream.number] = stream
            waiting[1].set_result(stream)
        elif waiting is not None and wanted:
            waiting[1].set_exception(news.error)
