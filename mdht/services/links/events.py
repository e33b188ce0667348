"""What sessions say, told to the services that it concerns."""

from __future__ import annotations

import logging
from typing import Any, Final

from ipc import Answer, Full, IpcError, Token

from ...codec import Error, ErrorCode, Moving, error_for
from ...errors import LinkClosed, LinkRefused, Malformed, MdhtError
from ...session import Answered, Asked, Ended, Noticed, Opened, Proven, ProvenPeer, TlsFailed, Unanswered, Violation
from ..commands import Serve
from ..peers.commands import Claimed, LinkAnswered, LinkEnded, LinkMoves, LinkOpened
from ..store.service import charged_subnet
from .commands import Dial
from .link import Link
from .streams import Streams
from .translate import question_of, reply_message, reply_of
from .wires import LinkWires

_log: Final = logging.getLogger(__name__)

_AGAIN_MS: Final = 250
"""Milliseconds after which a peer may ask again what a part of this node that is being restarted did not answer."""


class LinkEvents(LinkWires):
    """The middle of `Links`: from links to services, and their answers back."""

    _streams: Streams
    _dials: dict[int, tuple[Token, Dial]]

    def _begin_events(self) -> None:
        """At a place, with no links yet."""
        self._by_peer: dict[bytes, Link] = {}
        self._begun: set[int] = set()

    def _events(self, link: Link) -> None:
        next_event = link.session.next_event
        while (event := next_event()) is not None:
            kind: Any = type(event)
            if kind is Answered:
                self._on_reply(link, event)
            elif kind is Asked:
                self._on_ask(link, event)
            elif kind is Unanswered:
                self._on_reply(link, event)
            else:
                self._on_life(link, event)

    def _on_reply(self, link: Link, event: Any) -> None:
        number = event.number
        if type(event) is Unanswered:
            reply: Any = event.error
            if isinstance(reply, LinkClosed):
                self._unclaim(link)  # before anybody hears that it is closed, and asks for another
        else:
            reply = reply_of(event.message, link.session.who)
        token = link.asks.pop(number, None)
        if token is not None:
            if isinstance(reply, MdhtError):
                self._tell(token, error=reply)
            else:
                self._tell(token, reply)
        elif number == link.ping and type(event) is Answered:
            link.ping = 0
            self.outlets.peers.cast(LinkAnswered(link.number))

    def _on_ask(self, link: Link, event: Any) -> None:
        message = event.message
        question = question_of(message)
        if question is None:
            link.session.reply(Error(message.request, ErrorCode.UNSUPPORTED, "not served here"))
            return
        serve = Serve(question, link.peer, charged_subnet(link.wire.host, link.subnet))
        try:
            self.outlets.local.request(serve, (link.number, message.request))
        except Full:
            link.session.reply(Error(message.request, ErrorCode.BUSY, "too much to do", 1000))

    def _answer(self, answer: Answer) -> None:
        """The local service answers what a peer asked."""
        number, request = answer.tag
        link = self._links.get(number)
        if link is None:
            return
        try:
            if answer.error is not None:
                link.session.reply(_told(request, answer.error))
            else:
                link.session.reply(reply_message(answer.value, request))
        except MdhtError as error:
            _log.debug("%s: no answer to %d: %s", link.session.who, request, error)
            return
        self._served += 1
        self.touched(link)

    def _on_life(self, link: Link, event: Any) -> None:
        match event:
            case Proven(peer):
                self._on_proven(link, peer)
            case Opened():
                self.outlets.peers.cast(LinkOpened(link.number))
                if link.dialler is not None:
                    self._dialled_to(link.dialler, link.peer)
                    link.dialler = None
            case Ended(error):
                self._on_end(link, error)
            case Noticed(message):
                if link.claimed and isinstance(message, Moving):
                    self._forget(link)  # whoever asks it something new waits for the next link
                    self.outlets.peers.cast(LinkMoves(link.number))
            case _:
                self._streams.event(link, event)

    def _on_proven(self, link: Link, peer: ProvenPeer) -> None:
        self._half_open.discard(link.number)
        link.peer, link.claimed = peer.id, True
        wire = link.wire
        record, offset_s = peer.record.pack(), peer.clock_offset_s
        self.outlets.peers.cast(Claimed(link.number, peer.id, record, link.dialled, wire.host, wire.port, offset_s))

    def _on_end(self, link: Link, error: MdhtError | None) -> None:
        self._half_open.discard(link.number)
        self._unclaim(link)
        if self._leaving is not None:
            self._leaving.look()
        if error is not None:
            _log.debug("%s ended: %s", link.session.who or "?", error)
            self._failed += isinstance(error, LinkRefused)
            self._violations += isinstance(error, Malformed | TlsFailed | Violation)
        if link.dialler is not None:
            self._dialled_to(link.dialler, error=error or LinkClosed(link.session.who, "closed here"))
            link.dialler = None
        for token in link.asks.values():  # none is left but where the session had no time to tell
            self._tell(token, error=LinkClosed(link.session.who, "it ended"))
        link.asks.clear()

    def _dialled_to(self, number: int, peer: bytes = b"", error: MdhtError | None = None) -> None:
        """A dial has come to its end. One that we ended ourselves in order to move begins again there."""
        if self._closing or (self._leaving is not None and error is not None):
            return
        self._begun.discard(number)
        token, _ = self._dials.pop(number, (None, None))
        if token is not None:  # else another dial has answered it
            self.reply(token, peer, error=error)

    def _tell(self, token: Token, value: Any = None, *, error: MdhtError | None = None) -> None:
        if not self._closing:  # then whoever waits was told that the service is closed
            self.reply(token, value, error=error)

    def _unclaim(self, link: Link) -> None:
        """It is over: others may have its peer."""
        self._forget(link)
        if link.claimed:
            link.claimed = False
            why = link.session.ended_by if self._leaving is None else "moving"
            self.outlets.peers.cast(LinkEnded(link.number, why))

    def _forget(self, link: Link) -> None:
        if self._by_peer.get(link.peer) is link:
            del self._by_peer[link.peer]


def _told(request: int, error: BaseException) -> Error:
    if isinstance(error, IpcError):
        return Error(request, ErrorCode.BUSY, "a part of this node is started again", _AGAIN_MS)
    if not isinstance(error, MdhtError):
        _log.error("a peer's request failed here", exc_info=error)
    return error_for(request, error)
