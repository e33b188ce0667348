"""The peers service: whom we know, whom we are linked to, and who may be. The only one to decide about duplicates.

Owns the routing table and the claims. Whoever wants a peer asks `Connect`, and is answered once there is an open link,
whoever dialled it: two who dial each other at once are both answered by the link that stays.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Final

from ipc import Answer, Service, Token

from ..errors import LinkClosed, LinkRefused, MdhtError, Refusal, RemoteError
from ..limits import DUPLICATE_PING_S, VERIFIED_PEERS
from ..model import Address, PeerRecord, Seed, VerifiedPeers, parse_seed, short_id
from ..routing import Contact, RoutingTable
from ..session import Claims, Do
from ..transport import CannotDial
from .commands import (
    Begin,
    Claimed,
    Connect,
    Decide,
    Dial,
    DoRefresh,
    LinkAnswered,
    LinkedPeers,
    LinkEnded,
    LinkMoves,
    LinkOpened,
    PeerInfo,
    PeerNumbers,
    PeerStats,
    Silent,
    WhoIsThere,
)
from .roster import Roster, new_handle
from .surroundings import Surroundings

_log: Final = logging.getLogger(__name__)

_TICK_S: Final = 0.5
"""Seconds between looks at claims whose ping is late: a quarter of what a ping has."""

_LOOK_S: Final = 30.0
"""Seconds between looks at the table: buckets that are to be refreshed."""

_RETRY_S: Final = 5.0
"""The same while nobody is linked."""

_OTHER_LINK_S: Final = 2 * DUPLICATE_PING_S
"""Seconds to wait for the other link, where ours was refused as a duplicate."""

_REFRESH_S: Final = 20.0
"""Seconds for a refreshing lookup."""


@dataclass(slots=True)
class _Linked:
    """A link that has claimed."""

    claim: Claimed
    contact: Contact | None
    addresses: tuple[str, ...]
    open: bool = False


@dataclass(slots=True)
class _Dialling:
    """One peer or seed being dialled, address after address."""

    peer: bytes | None
    addresses: list[Address]
    tokens: list[Token] = field(default_factory=list)
    error: Exception | None = None


class Peers(Service):
    """See the module. Outlets: `links`, `api`."""

    def __init__(
        self,
        own_id: bytes,
        network: str,
        seeds: list[Seed],
        allow: frozenset[bytes],
        deny: frozenset[bytes],
        most_links: int,
        around: Surroundings,
    ) -> None:
        self._own_id = own_id
        self._network = network
        self._seeds = seeds
        self._allow = allow
        self._deny = deny
        self._most_links = most_links
        self._around = around

    def start(self) -> None:
        now_s = self.loop.time()
        self._table = RoutingTable(self._own_id, now_s)
        self._roster = new_handle()
        self._shown = self._table.version
        self._claims: Claims[int] = Claims(self._own_id)
        self._verified = VerifiedPeers(self._network, VERIFIED_PEERS)
        self._linked: dict[int, _Linked] = {}
        self._dialling: dict[int, _Dialling] = {}
        self._by_peer: dict[bytes, _Dialling] = {}
        self._last = 0
        self._refused = 0
        self._ticking = False
        self._known_here = False
        self._looking = self.after(_LOOK_S, "look")

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is WhoIsThere:
            return self._roster
        if kind is Connect:
            return self._connect(command)
        if kind is Answer:
            return self._dialled(command)
        if kind is Claimed:
            return self._claimed(command)
        if kind is LinkOpened:
            return self._opened(command.link)
        if kind is LinkEnded:
            return self._ended(command.link)
        if kind is LinkAnswered:
            self._claims.answered(command.link)
            return self._verdicts()
        if kind is LinkMoves:
            return self._moves(command.link)
        if kind is Silent:
            self._table.failed(command.peer, self.loop.time())
            return self._show()
        if kind is LinkedPeers:
            return [_info(linked) for linked in self._linked.values() if linked.open]
        if kind is PeerNumbers:
            opened = sum(linked.open for linked in self._linked.values())
            return PeerStats(len(self._table), opened, len(self._dialling), self._refused)
        if kind is Begin:
            return self._begin()
        if command == "tick":
            return self._tick()
        if command == "look":
            return self._look()
        if kind is tuple and command[0] == "give up":
            return self._give_up(command[1])
        raise TypeError(f"the peers service knows no {command!r}")

    def _show(self) -> None:
        """Let everybody see the table as it is now, if it is another one: before anybody is told what changed it."""
        if self._shown != self._table.version:
            self._shown = self._table.version
            everybody = list(self._table)
            live = [known for known in everybody if not known.failed] or everybody
            self._roster.publish(Roster.of((known.contact.id, known.contact.data) for known in live))

    # -- links claim ---------------------------------------------------------------------------------------------------

    def _claimed(self, claim: Claimed) -> None:
        reason = self._refusal(claim.peer)
        if reason is not None:
            self._refused += 1
            self.outlets.links.cast(Decide(claim.link, "refuse", reason))
            return
        contact: Contact | None = None
        addresses: tuple[str, ...] = ()
        try:
            record = self._verified.read(claim.record, self._around.wall_s())
        except RemoteError as error:
            _log.debug("%s: its record is not kept: %s", short_id(claim.peer), error)
        else:
            addresses = tuple(str(address) for address in record.addresses)
            if record.addresses:
                port = claim.port if claim.dialled else record.addresses[0].port
                contact = Contact(claim.peer, claim.host, port, claim.record)
        self._linked[claim.link] = _Linked(claim, contact, addresses)
        self._claims.claim(claim.link, claim.peer, dialled=claim.dialled, now_s=self.loop.time())
        self._verdicts()

    def _refusal(self, peer: bytes) -> str | None:
        if peer in self._deny or (self._allow and peer not in self._allow):
            return Refusal.NOT_ALLOWED.value
        if len(self._linked) >= self._most_links and self._claims.link_to(peer) is None:
            return Refusal.TOO_MANY.value
        return None

    def _verdicts(self) -> None:
        while (verdict := self._claims.next_verdict()) is not None:
            match verdict.do:
                case Do.REFUSE:
                    self._refused += 1
                    command = Decide(verdict.link, "refuse", Refusal.DUPLICATE.value)
                case do:
                    command = Decide(verdict.link, do.name.lower())
            self.outlets.links.cast(command)
        if not self._ticking and self._claims.next_deadline() is not None:
            self._ticking = True
            self.after(_TICK_S, "tick")

    def _tick(self) -> None:
        self._ticking = False
        self._claims.handle_timer(self.loop.time())
        self._verdicts()

    def _opened(self, link: int) -> None:
        linked = self._linked.get(link)
        if linked is None:
            return
        linked.open = True
        if linked.contact is not None:
            self._table.seen(linked.contact, self.loop.time())
            self._show()
        dialling = self._by_peer.pop(linked.claim.peer, None)
        if dialling is not None:
            self._answer(dialling, linked.claim.peer)

    def _ended(self, link: int) -> None:
        linked = self._linked.pop(link, None)
        if linked is not None:
            self._claims.gone(link, self.loop.time())
            self._verdicts()

    def _moves(self, link: int) -> None:
        self._claims.moving(link)
        linked = self._linked.get(link)
        if linked is not None and linked.contact is not None:
            self._connect_to(linked.claim.record, None, even_if_linked=True)

    # -- dialling ------------------------------------------------------------------------------------------------------

    def _connect(self, command: Connect) -> bytes | None:
        if command.record:
            self._connect_to(command.record, self.later())
            return None
        seed = parse_seed(command.seed)
        if seed.peer == self._own_id:
            raise LinkRefused(Refusal.OWN_ID, short_id(self._own_id), by_us=True)
        if seed.peer is not None:
            if (reason := self._refusal(seed.peer)) is not None:
                raise LinkRefused(reason, short_id(seed.peer), by_us=True)
            if self._open_link(seed.peer):
                return seed.peer
        token = self.later()
        waiting = self._by_peer.get(seed.peer) if seed.peer is not None else None
        if waiting is not None:
            waiting.tokens.append(token)
            waiting.addresses.insert(0, seed.address)  # the user may know better
        else:
            self._dial(_Dialling(seed.peer, [seed.address], [token]))
        return None

    def _connect_to(self, packed: bytes, token: Token | None, even_if_linked: bool = False) -> None:
        tokens = [] if token is None else [token]
        try:
            record = self._verified.read(packed, self._around.wall_s())
            if (reason := self._refusal(record.id)) is not None:
                raise LinkRefused(reason, short_id(record.id), by_us=True)
        except MdhtError as error:
            self._fail(tokens, error)
            return
        if not even_if_linked and self._open_link(record.id):
            for one in tokens:
                self.reply(one, record.id)
            return
        waiting = self._by_peer.get(record.id)
        if waiting is not None:
            waiting.tokens += tokens
            return
        self._dial(_Dialling(record.id, self._reachable(record), tokens))

    def _reachable(self, record: PeerRecord) -> list[Address]:
        known = self._around.transport
        return [address for address in record.addresses if known(address.kind) is not None]

    def _open_link(self, peer: bytes) -> bool:
        link = self._claims.link_to(peer)
        return link is not None and self._linked[link].open

    def _dial(self, dialling: _Dialling) -> None:
        if dialling.peer is not None:
            self._by_peer[dialling.peer] = dialling
        self._next_address(dialling)

    def _next_address(self, dialling: _Dialling) -> None:
        if not dialling.addresses:
            who = short_id(dialling.peer) if dialling.peer is not None else "the seed"
            error = dialling.error or CannotDial(who, "it has no address that this node can dial")
            self._abandon(dialling, error)
            return
        address = dialling.addresses.pop(0)
        self._last += 1
        self._dialling[self._last] = dialling
        command = Dial(address.kind, address.host, address.port, dialling.peer)
        self.outlets.links.request(command, self._last)

    def _dialled(self, answer: Answer) -> None:
        dialling = self._dialling.pop(answer.tag)
        error = answer.error
        if error is None:
            self._answer(dialling, answer.value)
            return
        if not dialling.tokens and dialling.peer is not None and self._by_peer.get(dialling.peer) is not dialling:
            return  # answered already, by the link that the peer dialled
        assert isinstance(error, Exception), "answers carry those"
        dialling.error = error
        if isinstance(error, LinkRefused) and error.reason == Refusal.DUPLICATE:
            self._wait_for_other(dialling)
        else:
            self._next_address(dialling)

    def _wait_for_other(self, dialling: _Dialling) -> None:
        """There is another link to this peer, or about to be."""
        peer = dialling.peer
        if peer is None:
            error = dialling.error
            assert error is not None, "it was refused"
            self._abandon(dialling, error)
        elif self._open_link(peer):
            self._by_peer.pop(peer, None)
            self._answer(dialling, peer)
        else:
            dialling.addresses.clear()
            self.after(_OTHER_LINK_S, ("give up", peer))

    def _give_up(self, peer: bytes) -> None:
        dialling = self._by_peer.get(peer)
        if dialling is not None and dialling not in self._dialling.values():
            self._abandon(dialling, dialling.error or LinkClosed(short_id(peer), "no link came about"))

    def _abandon(self, dialling: _Dialling, error: Exception) -> None:
        if dialling.peer is not None:
            self._by_peer.pop(dialling.peer, None)
            self._table.failed(dialling.peer, self.loop.time())
            self._show()
        tokens, dialling.tokens = dialling.tokens, []
        self._fail(tokens, error)

    def _answer(self, dialling: _Dialling, peer: bytes) -> None:
        if dialling.peer is not None:
            self._by_peer.pop(dialling.peer, None)
        tokens, dialling.tokens = dialling.tokens, []
        for token in tokens:
            self.reply(token, peer)

    def _fail(self, tokens: list[Token], error: Exception) -> None:
        for token in tokens:
            self.reply(token, error=error)

    # -- bootstrap, and keeping the table fresh ------------------------------------------------------------------------

    def _begin(self) -> None:
        for seed in self._seeds:
            if seed.peer != self._own_id and (seed.peer is None or not self._open_link(seed.peer)):
                self._dial(_Dialling(seed.peer, [seed.address]))
        if self._seeds:
            self._looking.cancel()
            self._looking = self.after(_TICK_S, "look")

    def _look(self) -> None:
        """Also soon after the seeds were dialled: a first lookup of our own id makes us known around it."""
        now_s = self.loop.time()
        linked = any(one.open for one in self._linked.values())
        if not linked:
            self._known_here = False
        if not linked and self._seeds and not self._dialling:
            for seed in self._seeds:
                if seed.peer != self._own_id:
                    self._dial(_Dialling(seed.peer, [seed.address]))
        if linked:
            targets = [
                self._table.refresh_target(bucket, int.from_bytes(self._around.random(32), "big"))
                for bucket in self._table.due(now_s)
            ]
            if not self._known_here:
                self._known_here = True
                targets.append(self._own_id)
            for target in targets:
                self.outlets.api.cast(DoRefresh(target, _REFRESH_S))
                self._table.looked_up(target, now_s)
        self._looking = self.after(_LOOK_S if linked else _RETRY_S, "look")


def _info(linked: _Linked) -> PeerInfo:
    claim = linked.claim
    return PeerInfo(claim.peer, claim.host, claim.port, claim.dialled, linked.addresses)
