"""The streams of all links, between their sessions and the `files` service.

The session bounds what waits in each direction; what does not fit its buffer waits here, with the token of whoever sent
it: one `SendOn` a stream, since the next is sent once that is answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from ipc import Full, IpcError, Token

from ...codec import Error, ErrorCode
from ...errors import LinkClosed, MdhtError, WrongState
from ...model import short_id
from ...session import (
    StreamAsked,
    StreamEnded,
    StreamFinished,
    StreamOpened,
    StreamReceived,
    StreamWritable,
)
from ..errors import NotLinked
from ..store.service import charged_subnet
from .link import Link
from .stream_commands import (
    AcceptStream,
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

STREAM_COMMANDS: Final = frozenset({OpenStream, AcceptStream, SendOn, FinishStream, Consumed, WidenStream, ResetStream})
"""What `Streams.call` takes."""

_SENDS: Final = 64
"""Sends of one stream that may wait: its user waits for each, so there is one, and this is never reached."""

_AGAIN_S: Final = 0.05
"""Seconds before what found no room is said again."""

_Key = tuple[int, int]


class Streams:
    """See the module.

    Arguments:
        tell: says something to `files`; raises IpcError where it cannot. The end of a stream is said again then.
        later, reply: as a service has them.
        touched: there is something to send on a link.
        now_s: the clock of the links.
        call_later: as of the loop.
    """

    def __init__(
        self,
        links: dict[int, Link],
        by_peer: dict[bytes, Link],
        tell: Callable[[Any], None],
        later: Callable[[], Token],
        reply: Callable[..., None],
        touched: Callable[[Link], None],
        now_s: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Any],
    ) -> None:
        self._links = links
        self._by_peer = by_peer
        self._tell = tell
        self._later = later
        self._reply = reply
        self._touched = touched
        self._now_s = now_s
        self._call_later = call_later
        self._untold: dict[_Key, StreamOver | StreamFailed] = {}
        self._opening: dict[_Key, int] = {}
        self._waiting: dict[_Key, deque[tuple[Token, memoryview]]] = {}

    # -- what files want -----------------------------------------------------------------------------------------------

    def call(self, command: Any) -> None:
        """One of `STREAM_COMMANDS`."""
        kind = type(command)
        if kind is OpenStream:
            self._open(command)
            return
        link = self._links.get(command.link)
        if link is None:
            if kind is SendOn:
                raise LinkClosed("", "the link is over")
            return  # and `StreamOver` says so
        if kind is SendOn:
            self._send(link, command)
        elif kind is Consumed:
            link.session.stream_consumed(command.stream, command.size_bytes)
        elif kind is WidenStream:
            self._widen(link, command)
        elif kind is AcceptStream:
            self._accept(link, command.stream)
        elif kind is FinishStream:
            self._finish(link, command.stream)
        else:
            self._drop(link, command.stream, LinkClosed(link.session.who, "the stream was given up here"))
            link.session.stream_reset(command.stream, command.code, command.text)
        self._touched(link)

    def _open(self, command: OpenStream) -> None:
        link = self._by_peer.get(command.peer)
        try:
            if link is None:
                raise NotLinked(short_id(command.peer))
            number = link.session.open_stream(command.purpose, command.about, self._now_s(), command.timeout_s)
        except MdhtError as error:
            self._tell_surely((-1, command.tag), StreamFailed(command.tag, error))
            return
        self._opening[link.number, number] = command.tag
        self._touched(link)

    def _accept(self, link: Link, stream: int) -> None:
        try:
            link.session.accept_stream(stream)
        except (LinkClosed, WrongState):
            pass  # given up by the peer meanwhile, and `StreamOver` says so

    def _widen(self, link: Link, command: WidenStream) -> None:
        try:
            link.session.stream_widen(command.stream, command.window_bytes)
        except WrongState:
            pass  # over meanwhile, and `StreamOver` says so

    def _finish(self, link: Link, stream: int) -> None:
        try:
            link.session.stream_finish(stream)
        except (LinkClosed, WrongState):
            pass  # over already, likewise

    def _send(self, link: Link, command: SendOn) -> None:
        key = (link.number, command.stream)
        waiting = self._waiting.get(key)
        if waiting is not None:
            if len(waiting) >= _SENDS:
                raise WrongState("a stream", "being sent to", "take more")
            waiting.append((self._later(), memoryview(command.data)))
            return
        taken = link.session.stream_send(command.stream, command.data)
        if taken < len(command.data):
            self._waiting[key] = deque([(self._later(), memoryview(command.data)[taken:])])

    # -- what sessions tell --------------------------------------------------------------------------------------------

    def event(self, link: Link, event: Any) -> None:
        """An event of a link's session that is about streams; others are ignored."""
        if self._untold and (link.number, getattr(event, "number", 0)) in self._untold:
            return  # it was given up here, and its user is told nothing between
        try:
            match event:
                case StreamReceived(number, data):
                    self._tell(StreamCame(link.number, number, data))
                case StreamWritable(number):
                    self._more(link, number)
                case StreamEnded(number, error):
                    self._ended(link, number, error)
                case StreamAsked(number, purpose, about):
                    subnet = charged_subnet(link.wire.host, link.subnet)
                    self._tell(StreamOffered(link.number, number, purpose, about, link.peer, subnet))
                case StreamOpened(number):
                    self._opened(link, number)
                case StreamFinished(number):
                    self._tell(StreamDone(link.number, number))
        except IpcError:  # files have too much to do, or are closed
            number = event.number
            if type(event) is StreamAsked:
                link.session.reply(Error(number, ErrorCode.BUSY, "too much to do", 1000))
            else:
                error = LinkClosed(link.session.who, "too much to do here")
                self._drop(link, number, error)
                link.session.stream_reset(number, ErrorCode.BUSY, "too much to do")
                self._tell_surely((link.number, number), StreamOver(link.number, number, error))

    def _more(self, link: Link, number: int) -> None:
        key = (link.number, number)
        waiting = self._waiting.get(key)
        while waiting:
            token, rest = waiting[0]
            try:
                taken = link.session.stream_send(number, rest)
            except MdhtError as error:
                self._drop(link, number, error)
                return
            if taken < len(rest):
                waiting[0] = (token, rest[taken:])
                return
            waiting.popleft()
            self._reply(token)
        self._waiting.pop(key, None)

    def _ended(self, link: Link, number: int, error: MdhtError | None) -> None:
        self._drop(link, number, error or LinkClosed(link.session.who, "the stream is over"))
        key = (link.number, number)
        tag = self._opening.pop(key, None)
        if tag is not None:
            why = error or LinkClosed(link.session.who, "the stream ended at once")
            self._tell_surely(key, StreamFailed(tag, why))
        else:
            self._tell_surely(key, StreamOver(link.number, number, error))

    def _opened(self, link: Link, number: int) -> None:
        tag = self._opening.pop((link.number, number), None)
        if tag is None:
            return
        try:
            self._tell(StreamReady(tag, link.number, number))
        except IpcError:
            error = LinkClosed(link.session.who, "too much to do here")
            link.session.stream_reset(number, ErrorCode.CANCELLED, "too much to do")
            self._tell_surely((link.number, number), StreamFailed(tag, error))

    def _tell_surely(self, key: _Key, news: StreamOver | StreamFailed) -> None:
        """That a stream is over, now or as soon as there is room. One for each stream, so there are not many."""
        try:
            self._tell(news)
        except Full:
            if not self._untold:
                self._call_later(_AGAIN_S, self._tell_again)
            self._untold[key] = news
        except IpcError:
            pass  # files are gone, and all that they had open with them

    def _tell_again(self) -> None:
        untold, self._untold = self._untold, {}
        for key, news in untold.items():
            self._tell_surely(key, news)

    def _drop(self, link: Link, number: int, error: MdhtError) -> None:
        for token, _ in self._waiting.pop((link.number, number), ()):
            self._reply(token, error=error)
