"""The link service: listens, dials, and carries questions and answers over sessions. The only one with sockets.

Everything of a link happens on one loop: bytes come, are decrypted, decoded and handed on as commands in the same turn;
what there is to send is gathered until the turn ends, and leaves in one write a link. A link asks `peers` whether it
may be, and lets nothing be asked before.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Coroutine
from typing import Any, Final

from ipc import Answer, Full, IpcError, Service, Token

from ...codec import Error, ErrorCode, Farewell, Moving, error_for
from ...errors import LinkClosed, LinkRefused, Malformed, MdhtError, Refusal
from ...limits import CLOCK_OFFSET_MAX_S, EXPIRES_S
from ...model import Address, PeerRecord, Seed, short_id
from ...model.address import CONFIGURED, INTERFACE, parse_address
from ...routing import is_local, subnet_of
from ...session import (
    Answered,
    Asked,
    Ended,
    HalfOpen,
    HandshakeConfig,
    Noticed,
    Opened,
    Proven,
    ProvenPeer,
    Role,
    Session,
    SessionConfig,
    TlsContexts,
    TlsFailed,
    Unanswered,
    Violation,
)
from ...transport import CannotDial, CannotListen, Listening, Wire
from ...transport.passing import Inlet, adopt
from ..commands import (
    Advertise,
    Ask,
    Claimed,
    Decide,
    Dial,
    LeaveLinks,
    LinkAnswered,
    LinkEnded,
    LinkGone,
    LinkMoves,
    LinkNumbers,
    LinkOpened,
    LinkStats,
    LinkUses,
    PlaceBegan,
    Serve,
    StayLinks,
    WhereAmI,
)
from ..errors import NotLinked
from ..own import OwnIdentity
from ..store.service import charged_subnet
from ..surroundings import Surroundings
from .leaving import Leaving
from .link import Link
from .listener import inlet_path
from .places import link_number, place_for
from .streams import STREAM_COMMANDS, Streams
from .translate import message_of, question_of, reply_message, reply_of

_log: Final = logging.getLogger(__name__)

_SIGN_AGAIN_S: Final = 86_400.0
"""Seconds between two versions of our own peer record, each valid for 30 days."""

_GOODBYE_S: Final = 1.0
"""Seconds at the end for goodbyes to leave, before wires are cut."""

_DRAIN_S: Final = 60.0
"""Seconds that a link which was replaced has for what waits on it."""

_AGAIN_MS: Final = 250
"""Milliseconds after which a peer may ask again what a part of this node that is being restarted did not answer."""

_FAREWELLS: Final = {"idle": Farewell.IDLE, Refusal.NOT_ALLOWED.value: Farewell.NOT_ALLOWED}
"""By the reason of a decision to leave."""

_ARRIVED: Final = "arrived"
"""What the service tells itself where it goes on."""


class Links(Service):
    """See the module. Outlets: `peers`, `local`, `files`, and `listener` where there is one.

    `listen` and `advertise` are those of the configuration. With `inlets`, the directory of the listener, links live in
    several places: this is one of them, which does not listen itself but takes what the listener hands it.
    """

    shard_key = staticmethod(place_for)

    def __init__(
        self,
        own: OwnIdentity,
        network: str,
        secret: bytes,
        listen: list[tuple[str, str, int]],
        advertise: list[str],
        half_open: int,
        around: Surroundings,
        inlets: str = "",
    ) -> None:
        self._own = own
        self._network = network
        self._secret = secret
        self._listen = listen
        self._advertise_texts = advertise
        self._half_open_limit = half_open
        self._around = around
        self._inlets = inlets

    # -- life ----------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        loop = self.loop
        self._time = loop.time
        self._advertise = [parse_address(text, CONFIGURED) for text in self._advertise_texts]
        self._listening: list[Listening] = []
        self._links: dict[int, Link] = {}
        self._by_peer: dict[bytes, Link] = {}
        self._half_open: HalfOpen[int] = HalfOpen(self._half_open_limit, min(16, self._half_open_limit))
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun: set[int] = set()
        self._dial_tasks: set[asyncio.Task[None]] = set()
        self._dirty: list[Link] = []
        self._flushing = self._closing = self._arrived = False
        self._leaving: Leaving | None = None
        self._dialled = self._answered = self._refused = self._served = 0
        self._received = self._sent = self._failed = self._violations = self._busy = 0
        self._idle: asyncio.Event | None = None
        tell = self.outlets.files.cast
        self._streams = Streams(
            self._links, self._by_peer, tell, self.later, self._tell, self.touched, self._time, loop.call_later
        )
        self._tls = None if self._around.without_tls else TlsContexts()
        self._inlet = Inlet(inlet_path(self._inlets, self.shard), self._took) if self._inlets else None
        try:
            self._here = await self._start_listening()
            self._sign()
        except BaseException:
            await self._stop_listening()
            if self._inlet is not None:
                self._inlet.close()
            raise
        self._resign: asyncio.TimerHandle | None = loop.call_later(_SIGN_AGAIN_S, self._sign_again)
        if hasattr(self, "_last"):
            self.after(0.0, _ARRIVED)

    def start(self) -> None:
        self._last = int(self.loop.time() * 1000)  # no number is used again by the next one, where this one dies
        self._dials: dict[int, tuple[Token, Dial]] = {}
        self._dialling_last = 0
        self.outlets.peers.cast(PlaceBegan(self.shard))

    async def _start_listening(self) -> list[Address]:
        here: list[Address] = []
        for at, (kind, host, port) in enumerate(self._listen):
            transport = self._around.transport(kind)
            if transport is None:
                raise CannotListen(f"{kind}://{host}:{port}", "this node has no such transport")
            listening = await transport.listen(host, port, self._begin_answer)
            self._listening.append(listening)
            self._listen[at] = (kind, host, listening.port)  # the same again, wherever the service moves
            here.append(Address(kind, listening.host, listening.port, INTERFACE))
        return here

    def _arrive(self) -> None:
        """At a new place, without links; whoever wanted one still does."""
        if self._arrived:
            return
        self._arrived = True
        self.outlets.peers.cast(PlaceBegan(self.shard, link_number(self._last, self.shard)))
        for number in list(self._dials):
            self._begin_dial(number)

    def _sign(self) -> None:
        now_s = self._around.wall_s()
        record = PeerRecord.sign(
            self._own.identity,
            self._network,
            sequence=max(1, int(now_s * 1000)),
            expires_s=int(now_s) + EXPIRES_S - CLOCK_OFFSET_MAX_S,  # not too far for whose clock is so much behind ours
            now_s=now_s,
            addresses=self._advertise or self._here,
        )
        handshake = HandshakeConfig(
            network=self._network,
            identity=self._own.identity,
            record=record,
            secret=self._secret,
            without_tls=self._around.without_tls,
        )
        keepalive_s = self._around.keepalive_s
        self._config = SessionConfig(handshake=handshake, keepalive_s=keepalive_s, dead_after_s=3 * keepalive_s)
        self._config.validate()

    def _sign_again(self) -> None:
        self._sign()
        self._resign = self.loop.call_later(_SIGN_AGAIN_S, self._sign_again)

    async def close(self) -> None:
        self._closing = True
        if self._resign is not None:
            self._resign.cancel()
        if self._leaving is not None:
            self._leaving.cancel()
        await self._stop_listening()
        if self._inlet is not None:
            self._inlet.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in list(self._links.values()):
            link.session.close(self._time(), Farewell.SHUTDOWN if self._leaving is None else Farewell.MOVED)
            self._send(link)
            link.wire.close()
        if self._links:
            self._idle = asyncio.Event()
            try:
                async with asyncio.timeout(_GOODBYE_S):
                    await self._idle.wait()
            except TimeoutError:
                for link in list(self._links.values()):
                    link.wire.abort()
                async with asyncio.timeout(_GOODBYE_S):
                    await self._idle.wait()
        await asyncio.sleep(0)

    async def _stop_listening(self) -> None:
        listening, self._listening = self._listening, []
        for one in listening:
            one.close()
            await one.settled()

    # -- commands ------------------------------------------------------------------------------------------------------

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is Ask:
            return self._ask(command)
        if kind is Answer:
            return self._answer(command)
        if kind is Decide:
            return self._decide(command)
        if kind is Dial:
            return self._dial(command)
        if kind is LinkNumbers:
            return self._stats()
        if kind is LinkUses:
            return tuple((number, link.session.traffic) for number, link in self._links.items() if link.claimed)
        if kind is Advertise:
            return self._advertised(command)
        if kind is WhereAmI:
            return [str(address) for address in self._advertise or self._here]
        if kind in STREAM_COMMANDS:
            return self._streams.call(command)
        if kind is LeaveLinks:
            return self._leave(command)
        if kind is StayLinks:
            return self._stay()
        if command == _ARRIVED:
            return self._arrive()
        raise TypeError(f"the link service knows no {command!r}")

    def _advertised(self, command: Advertise) -> None:
        """The listener says where it listens."""
        source = CONFIGURED if command.configured else INTERFACE
        self._here = [parse_address(text, source) for text in command.addresses]
        self._sign()

    def _ask(self, command: Ask) -> None:
        link = self._by_peer.get(command.peer)
        if link is None:
            raise NotLinked(short_id(command.peer))
        session = link.session
        number = session.next_number
        session.request(message_of(command.question, number), self._time(), command.timeout_s)
        link.asks[number] = self.later()
        self.touched(link)

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

    def _decide(self, command: Decide) -> None:
        link = self._links.get(command.link)
        if link is None:
            return
        now_s, session = self._time(), link.session
        match command.do:
            case "accept":
                session.accept(now_s)
                self._by_peer[link.peer] = link
            case "refuse":
                self._refused += 1
                session.refuse(command.reason, now_s)
            case "close":
                session.close(now_s, Farewell.DUPLICATE)
            case "leave":
                self._forget(link)
                session.close(now_s, _FAREWELLS.get(command.reason, Farewell.TOO_MANY))
            case "retire":
                self._forget(link)
                session.retire(_DRAIN_S, now_s)
            case "ping":
                try:
                    link.ping = session.ping(now_s)
                except MdhtError:
                    pass  # it is over, and `LinkEnded` is on its way
        self.touched(link)

    def _dial(self, command: Dial) -> None:
        if self._around.transport(command.kind) is None:
            raise CannotDial(f"{command.kind}://{command.host}", "this node has no such transport")
        self._dialling_last += 1
        self._dials[self._dialling_last] = (self.later(), command)
        if self._leaving is None:
            self._begin_dial(self._dialling_last)

    def _begin_dial(self, number: int) -> None:
        if number in self._begun:
            return
        self._begun.add(number)
        _, command = self._dials[number]
        transport = self._around.transport(command.kind)
        seed = Seed(command.peer, Address(command.kind, command.host, command.port))
        self._task(self._dialling(transport, seed, number), self._dial_tasks)

    def _dialled_to(self, number: int, peer: bytes = b"", error: MdhtError | None = None) -> None:
        """A dial has come to its end. One that we ended ourselves in order to move begins again there."""
        if self._closing or (self._leaving is not None and error is not None):
            return
        self._begun.discard(number)
        token, _ = self._dials.pop(number)
        self.reply(token, peer, error=error)

    async def _dialling(self, transport: Any, seed: Seed, number: int) -> None:
        made: list[Link] = []

        def begin(wire: Wire) -> Link:
            link = self._new(wire, Role.DIAL, seed.peer, str(seed.address))
            link.dialler = number
            self._dialled += 1
            made.append(link)
            self.touched(link)
            return link

        try:
            await transport.dial(seed.address.host, seed.address.port, begin)
        except MdhtError as error:
            if not made:
                self._dialled_to(number, error=error)

    def _stats(self) -> LinkStats:
        live = [link.session.stats() for link in self._links.values()]
        return LinkStats(
            links=len(self._by_peer),
            half_open=len(self._half_open),
            dialled=self._dialled,
            answered=self._answered,
            refused=self._refused,
            served=self._served,
            received_bytes=self._received + sum(one.received_bytes for one in live),
            sent_bytes=self._sent + sum(one.sent_bytes for one in live),
            failed=self._failed,
            dropped=self._half_open.stats().dropped,
            violations=self._violations,
            busy=self._busy + sum(one.busy for one in live),
        )

    # -- moving --------------------------------------------------------------------------------------------------------

    def _leave(self, command: LeaveLinks) -> None:
        token = self.later()
        for task in list(self._dial_tasks):
            task.cancel()  # whom it dials it dials from the new place
        listening, self._listening = self._listening, []
        for one in listening:
            one.close()
            self._task(one.settled())
        self._leaving = Leaving(
            self.loop,
            self._links.values,
            self._unclaim,
            self.touched,
            command.drain_s,
            lambda: None if self._closing else self.reply(token),
        )

    async def _listen_again(self, token: Token) -> None:
        try:
            await self._start_listening()
        except CannotListen as error:
            self._tell(token, error=error)
        else:
            self._tell(token)

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
            self._begun.clear()
            self._task(self._listen_again(self.later()))
            for number in list(self._dials):
                self._begin_dial(number)

    def _task(self, work: Coroutine[Any, Any, None], *sets: set[asyncio.Task[None]]) -> None:
        task = self.loop.create_task(work)
        for tasks in (self._tasks, *sets):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    # -- new links -----------------------------------------------------------------------------------------------------

    def _took(self, connection: socket.socket) -> None:
        """The listener has handed it to us."""
        self._task(self._adopt(connection))

    async def _adopt(self, connection: socket.socket) -> None:
        try:
            await adopt(connection, self._begin_answer)
        except OSError as error:
            _log.debug("a connection was over before it was taken: %s", error)
            connection.close()
            self.outlets.listener.cast(LinkGone(self.shard))

    def _begin_answer(self, wire: Wire) -> Link:
        link = self._new(wire, Role.ANSWER, None, wire.host)
        self._answered += 1
        place = f"{wire.host}:{wire.port}" if is_local(wire.host) else link.subnet
        drop = self._half_open.add(link.number, place)
        if drop is not None:
            old = self._links[drop]
            old.session.refuse(Refusal.TOO_MANY, self._time())
            self.touched(old)
        if self._closing or self._leaving is not None:
            wire.abort()  # it dials again
        return link

    def _new(self, wire: Wire, role: Role, peer: bytes | None, who: str) -> Link:
        now_s = self._time()
        session = Session(
            self._config,
            role,
            tls=self._tls,
            challenge=self._around.random(32),
            now_s=now_s,
            wall_s=self._around.clock_s(),
            expected_id=peer,
            who=who,
        )
        self._last += 1
        link = Link(self, link_number(self._last, self.shard), wire, session, subnet_of(wire.host))
        self._links[link.number] = link
        self._arm(link)
        return link

    # -- what links tell -----------------------------------------------------------------------------------------------

    def heard(self, link: Link, data: bytes) -> None:
        """See `Owner`."""
        link.session.receive(data, self._time())
        self._events(link)
        self.touched(link)

    def over(self, link: Link) -> None:
        """See `Owner`."""
        link.session.receive_eof(self._time())
        self._events(link)
        if link.timer is not None:
            link.timer.cancel()
        self._forget(link)
        stats = link.session.stats()
        self._received += stats.received_bytes
        self._sent += stats.sent_bytes
        self._busy += stats.busy
        gone = self._links.pop(link.number, None) is not None
        if gone and self._inlets and not link.dialled and not self._closing:
            self.outlets.listener.cast(LinkGone(self.shard))
        if gone and not self._links and self._idle is not None:
            self._idle.set()

    def touched(self, link: Link) -> None:
        """See `Owner`."""
        if not link.dirty:
            link.dirty = True
            self._dirty.append(link)
            if not self._flushing:
                self._flushing = True
                self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        """The end of a turn: everything that links have to say."""
        self._flushing = False
        dirty, self._dirty = self._dirty, []
        for link in dirty:
            link.dirty = False
            try:
                self._send(link)
            except Exception:
                _log.exception("the link to %s is cut off", link.session.who)  # and the others get their turn
                link.wire.abort()

    def _send(self, link: Link) -> None:
        session, wire = link.session, link.wire
        now_s = self._time()
        while wire.writable and session.has_data and (data := session.data_to_send(now_s)):
            wire.write(data)
        self._events(link)
        if session.finished:
            wire.close()
            return
        if session.wants_data:
            wire.resume()
        else:
            wire.pause()
        self._arm(link)

    def _arm(self, link: Link) -> None:
        """A timer that is too early costs one look; one that is too late is never left."""
        due_s = link.session.next_deadline()
        if due_s is None or (link.timer is not None and link.timer_s <= due_s):
            return
        if link.timer is not None:
            link.timer.cancel()
        link.timer_s = due_s
        link.timer = self.loop.call_at(due_s, self._due, link)

    def _due(self, link: Link) -> None:
        link.timer = None
        link.session.handle_timer(self._time())
        if link.session.finished:
            link.wire.abort()  # no time is left for what it has not sent
            self._events(link)
        else:
            self._arm(link)
            self.touched(link)

    # -- events --------------------------------------------------------------------------------------------------------

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
