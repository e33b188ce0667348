"""The link service: listens, dials, and carries questions and answers over sessions. The only one with sockets.

What it does with its wires is in `wires`, what it tells others of what sessions say in `events`; here are its life, its
commands, and its moves.

Everything of a link happens on one loop: bytes come, are decrypted, decoded and handed on as commands in the same turn;
what there is to send is gathered until the turn ends, and leaves in one write a link. A link asks `peers` whether it
may be, and lets nothing be asked before.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from ipc import Answer, Token

from ...codec import Farewell
from ...errors import MdhtError, Refusal
from ...limits import CLOCK_OFFSET_MAX_S, EXPIRES_S
from ...model import Address, PeerRecord, Seed, short_id
from ...model.address import CONFIGURED, INTERFACE, parse_address
from ...session import (
    HandshakeConfig,
    Role,
    SessionConfig,
)
from ...transport import CannotDial, CannotListen, Listening, Wire
from ...transport.passing import Inlet, inlet_name
from ..errors import NotLinked
from ..own import OwnIdentity
from ..surroundings import Surroundings
from .commands import (
    Advertise,
    Ask,
    Decide,
    Dial,
    LeaveLinks,
    LinkNumbers,
    LinkUses,
    PlaceBegan,
    StayLinks,
    WhereAmI,
)
from .events import LinkEvents
from .leaving import Leaving
from .link import Link
from .places import link_number, place_for
from .streams import STREAM_COMMANDS, Streams
from .translate import message_of

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


class Links(LinkEvents):
    """See the module. Outlets: `peers`, `local`, `files`, and `listener` where there is one.

    `listen` and `advertise` are those of the configuration. With `inlets`, those of the listener, it takes what
    the listener hands it, and may live in several places. Without, it listens by itself: at networks within a process.
    A place makes no links before the listener has told it where the node listens: a peer keeps the record that it was
    first shown.
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
        self._told: Advertise | None = None
        """What the listener has said last."""

    # -- life ----------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        loop = self.loop
        self._begin_wires(self._half_open_limit)
        self._begin_events()
        self._advertise = [parse_address(text, CONFIGURED) for text in self._advertise_texts]
        self._listening: list[Listening] = []
        self._dial_tasks: set[asyncio.Task[None]] = set()
        self._arrived = False
        self._since = getattr(self, "_last", 0)
        """Number of the last link of the place before, before there are any here."""
        tell = self.outlets.files.cast
        self._streams = Streams(
            self._links, self._by_peer, tell, self.later, self._tell, self.touched, self._time, loop.call_later
        )
        self._inlet: Inlet | None = None
        try:
            self._here = await self._start_listening()
            if self._told is None:
                self._sign()
            else:
                self._hear(self._told)
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

    def reshard(self, states: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
        """There are no links left by then, only dials: each goes on where it was, or where there is a place."""
        last = max(state["_last"] for state in states)
        dials = [one for state in states for one in state["_dials"].values()]
        made: list[dict[str, Any]] = [{"_last": last, "_dials": {}, "_dialling_last": len(dials)} for _ in range(count)]
        for number, (token, command) in enumerate(dials, 1):
            made[command.place % count]["_dials"][number] = (token, command)
        for state in made:
            state["_told"] = states[0]["_told"]
        return made

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
        self.outlets.peers.cast(PlaceBegan(self.shard, link_number(self._since, self.shard)))
        self._begin_dials()

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
            return self._numbers(len(self._by_peer))
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
        """The listener says where it listens; from now on links are made."""
        self._hear(command)
        self._begin_dials()

    def _hear(self, command: Advertise) -> None:
        source = CONFIGURED if command.configured else INTERFACE
        self._told = command
        self._here = [parse_address(text, source) for text in command.addresses]
        self._sign()
        if self._inlet is None:
            self._inlet = Inlet(inlet_name(self._inlets, self.shard), self._took)

    def _ask(self, command: Ask) -> None:
        link = self._by_peer.get(command.peer)
        if link is None:
            raise NotLinked(short_id(command.peer))
        session = link.session
        number = session.next_number
        session.request(message_of(command.question, number), self._time(), command.timeout_s)
        link.asks[number] = self.later()
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
        self._begin_dials()

    def _begin_dials(self) -> None:
        """All that have not begun."""
        if self._leaving is not None or (self._inlets and self._told is None):
            return
        for number, (_, command) in list(self._dials.items()):
            if number not in self._begun:
                self._begun.add(number)
                transport = self._around.transport(command.kind)
                seed = Seed(command.peer, Address(command.kind, command.host, command.port))
                self._task(self._dialling(transport, seed, number), self._dial_tasks)

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
            self._begin_dials()
