"""The peers service: whom we know, whom we are linked to, and who may be. The only one to decide about duplicates.

Owns the routing table. What it decides by is elsewhere: `admission` (who may link), `links` (whom to keep),
`dialling` (dials), `seeds` (whom to dial first), `lost` (whom to try again), `refresh` (lookups),
`memory` (whom to remember), `clock` (what time it is), `twins` (who else has our identity).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from ipc import Answer

from ...errors import LinkRefused, Refusal, RemoteError
from ...limits import REPLICAS
from ...model import parse_seed, short_id
from ...routing import Contact
from ...routing.keeping import Keeping
from ..api.commands import DoRefresh
from ..links.commands import Decide, LinkNumbers, LinkUses, PlaceBegan, PlacesAre, WhereAmI
from ..links.places import place_of
from ..upkeep.commands import Arrived
from .clock import PeerClock
from .commands import (
    Begin,
    Claimed,
    Connect,
    LinkAnswered,
    LinkedPeers,
    LinkEnded,
    LinkMoves,
    LinkOpened,
    PeerNumbers,
    PeerStats,
    Permit,
    Silent,
    WhoIsThere,
)
from .dialling import Waiter
from .gather import Gather
from .links import Linked
from .memory import PeerMemory
from .owner import DIAL, TICK_S, PeersOwner
from .refresh import Refresh
from .seeds import Goal, Seeds

_log: Final = logging.getLogger(__name__)

_LOOK_S: Final = 30.0
"""Seconds between looks at the table and the links: buckets to be refreshed, links to be closed."""

_RETRY_S: Final = 5.0
"""The same while nobody is linked."""

_THOROUGH_S: Final = 300.0
"""Seconds between looks at every single link: a third of what makes a contact doubtful (`TableConfig`)."""

_REFRESH_S: Final = 20.0
"""Seconds for a refreshing lookup."""

_USES = "uses"
_GATHER = "gather"
_WHERE = "where"
_POLITE: Final = frozenset({"here", "idle", "too many", "duplicate", "moving", "moved", "lost"})
"""Ends of a link that say nothing against the peer: we have closed it (`lost`: with the process that it was in), or the
peer is well, and wants no link now, or another one.
"""

_DIALLED_AGAIN: Final = frozenset({"moving", "moved", "lost"})
"""Ends of a link after which there is to be another: by who had dialled it, or, where the peer moves, by us."""

MOVES_S: Final = 10.0
"""Seconds in which a peer that moves its links has to listen again: as long as a handshake may take."""


class Peers(PeersOwner):
    """See the module. Outlets: `links`, `api`, `upkeep`, and `listener` where there is one."""

    def start(self) -> None:
        self._begin_parts()
        self._clock = PeerClock(self._around)
        self._gather = Gather()
        self._memory = PeerMemory(self._settings.memory, self._own_id)
        self._seeds: Seeds | None = None
        self._refresh = Refresh(self._table, self._around.random)
        self._thorough_s = self.loop.time() + _THOROUGH_S
        self._look_in(_LOOK_S)

    def stop(self) -> None:
        self._memory.keep(self._table, self.loop.time(), self._around.wall_s(), last=True)
        if self._seeds is not None:
            self._seeds.close()

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is WhoIsThere:
            return self._roster
        if kind is Connect:
            return self._connect(command)
        if kind is Answer:
            return self._answered(command)
        if kind is Claimed:
            return self._claimed(command)
        if kind is LinkOpened:
            return self._opened(command.link)
        if kind is LinkEnded:
            return self._ended(command)
        if kind is LinkAnswered:
            return self._alive(command.link)
        if kind is LinkMoves:
            return self._moves(command.link)
        if kind is Silent:
            return self._silent(command.peer)
        if kind is LinkedPeers:
            return [linked.info() for linked in self._links if linked.open]
        if kind is LinkNumbers:
            return self._gather.ask(self._places, self._ask_numbers, self._teller())
        if kind is WhereAmI:
            name = "listener" if self._has_listener else "links"
            return self.outlets[name].request(command, (_WHERE, self.later()))
        if kind is PlaceBegan:
            return self._place_began(command)
        if kind is PlacesAre:
            return self._places_are(command)
        if kind is PeerNumbers:
            return self._stats()
        if kind is Begin:
            return self._begin()
        if kind is Permit:
            return self._permit(command)
        if command == "tick":
            return self._admission.tick(self.loop.time())
        if command == "look":
            return self._look()
        if kind is tuple and command[0] == "give up":
            return self._dialler.give_up(command[1])
        if kind is tuple and command[0] == "redial":
            return self._dialler.redial(command[1])
        raise TypeError(f"the peers service knows no {command!r}")

    @property
    def _has_listener(self) -> bool:
        return "listener" in set(self.outlets)

    def _stats(self) -> PeerStats:
        return PeerStats(
            known=len(self._table),
            linked=self._links.opened,
            dialling=len(self._dialler),
            refused=self._admission.refused,
            replaced=self._admission.replaced,
            idle=self._admission.idle,
            lost=len(self._lost),
            twins=len(self._twins),
            clock_offset_s=self._clock.offset_s,
            clock_votes=self._clock.votes,
        )

    # -- links claim ---------------------------------------------------------------------------------------------------

    def _claimed(self, claim: Claimed) -> None:
        now_s = self.loop.time()
        self._clock.vote(claim.peer, claim.host, claim.clock_offset_s, now_s)
        if self._admission.turned_away(claim.link, claim.peer, now_s):
            return
        contact: Contact | None = None
        addresses: tuple[str, ...] = ()
        sequence = 0
        try:
            record = self._verified.read(claim.record, self._around.wall_s())
        except RemoteError as error:
            _log.info("%s: its record is not kept: %s", short_id(claim.peer), error)
        else:
            sequence = record.sequence
            addresses = tuple(str(address) for address in record.addresses)
            if record.addresses:
                port = claim.port if claim.dialled else record.addresses[0].port
                contact = Contact(claim.peer, claim.host, port, claim.record)
        self._admission.claim(Linked(claim, contact, addresses, sequence), now_s)

    def _opened(self, link: int) -> None:
        linked = self._links.get(link)
        if linked is None:
            return
        linked.open = True
        self._moved += self._places > 1
        peer = linked.claim.peer
        self._lost.discard(peer)
        self._twins.discard(peer)
        if linked.contact is not None:
            self._seen(linked.contact)
        self._show()
        if linked.contact is not None and any(
            one.id == peer for one in self._table.closest(self._own_id, 2 * REPLICAS)
        ):
            self.outlets.upkeep.cast(Arrived(peer, linked.claim.record, linked.sequence))
        self._dialler.opened(peer)

    def _seen(self, contact: Contact) -> None:
        """It is alive; and whom it might replace is asked whether it is."""
        doubted = self._table.seen(contact, self.loop.time()).check
        if doubted is not None:
            link = self._admission.link_to(doubted.id)
            if link is not None:
                self.decide(Decide(link, "ping"))
            else:
                self._dial_contact(doubted)

    def _ended(self, end: LinkEnded) -> None:
        linked = self._links.pop(end.link)
        if linked is None:
            return
        now_s, peer = self.loop.time(), linked.claim.peer
        self._admission.gone(end.link, now_s)
        if linked.open and end.why in _DIALLED_AGAIN and linked.contact is not None and not self.is_open(peer):
            if end.why == "moved" or linked.claim.dialled:
                self._dial_contact(linked.contact, MOVES_S)
        elif linked.open and not linked.leaving and end.why not in _POLITE and not self.is_open(peer):
            self._fail(peer)
            if peer in self._table:
                self._lost.add(peer, now_s, self.random())
                self._look_at(self._lost.next_s())

    def _alive(self, link: int) -> None:
        self._admission.answered(link)
        linked = self._links.get(link)
        if linked is not None and linked.open and linked.contact is not None:
            self._table.seen(linked.contact, self.loop.time())
            self._show()

    def _silent(self, peer: bytes) -> None:
        """It goes behind the others until it answers a ping; whether its link is dead, the link itself finds out."""
        known, link = self._table.get(peer), self._admission.link_to(peer)
        if link is None or (known is not None and not known.failed):
            self._fail(peer)
        if link is not None:
            self.decide(Decide(link, "ping"))

    def _moves(self, link: int) -> None:
        self._admission.moving(link)
        linked = self._links.get(link)
        if linked is not None and linked.contact is not None:
            linked.moves = True
            self._dial_contact(linked.contact, MOVES_S)

    # -- dialling ------------------------------------------------------------------------------------------------------

    def _connect(self, command: Connect) -> bytes | None:
        if command.record:
            record = self._verified.read(command.record, self._around.wall_s())
            peer, addresses = record.id, self.reachable(record.addresses)
        else:
            seed = parse_seed(command.seed)
            if seed.peer is None:
                self._dialler.dial(None, [seed.address], self._waiter())
                return None
            peer, addresses = seed.peer, [seed.address]
        if peer == self._own_id:
            raise LinkRefused(Refusal.OWN_ID, short_id(peer), by_us=True)
        if (reason := self._admission.refusal(peer)) is not None:
            raise LinkRefused(reason, short_id(peer), by_us=True)
        if self.is_open(peer):
            return peer
        if not self._admission.has_room(peer, self.loop.time()):
            raise LinkRefused(Refusal.TOO_MANY, short_id(peer), by_us=True)
        self._dialler.dial(peer, addresses, self._waiter(), first=not command.record)  # the user may know better
        return None

    def _ask_numbers(self, place: int, number: int) -> None:
        self.outlets.links.request(LinkNumbers(place), (_GATHER, number))

    def _teller(self) -> Callable[[Any, Exception | None], None]:
        token = self.later()
        return lambda value, error: self.reply(token, value, error=error)

    def _waiter(self) -> Waiter:
        token = self.later()

        def tell(peer: bytes | None, error: Exception | None) -> None:
            self.reply(token, peer, error=error)

        return tell

    def _answered(self, answer: Answer) -> None:
        what, number = answer.tag
        if what == _GATHER:
            error = answer.error
            assert error is None or isinstance(error, Exception), "answers carry those"
            self._gather.answered(number, answer.value, error)
        elif what == _WHERE:
            self.reply(number, answer.value, error=answer.error)
        elif what == DIAL:
            self._dialler.answered(Answer(number, answer.value, answer.error))
        elif answer.error is None:
            now_s = self.loop.time()
            self._links.note_traffic(answer.value, now_s)
            self._admission.close_idle(now_s)

    def _place_began(self, began: PlaceBegan) -> None:
        """Whatever links were there are gone, and nobody could say so."""
        for linked in [one for one in self._links if place_of(one.claim.link) == began.place]:
            if began.last is None or linked.claim.link <= began.last:
                self._ended(LinkEnded(linked.claim.link, "lost"))
        if self._seeds is not None and self._has_listener:  # all services are there, so it has begun again
            self.outlets.listener.cast(began)

    def _places_are(self, command: PlacesAre) -> None:
        """Links of a place that is no more are gone."""
        self._places = command.count
        for linked in [one for one in self._links if place_of(one.claim.link) >= command.count]:
            self._ended(LinkEnded(linked.claim.link, "lost"))
        self._moved += 1
        self._show()
        if self._has_listener:
            self.outlets.listener.cast(command)

    def _permit(self, command: Permit) -> int:
        seeds = tuple(map(parse_seed, command.seeds))
        others = seeds != self._settings.seeds
        allow, deny = frozenset(command.allow), frozenset(command.deny)
        self._settings = replace(self._settings, allow=allow, deny=deny, most_links=command.most_links, seeds=seeds)
        self._links.keeping = Keeping(command.most_links)
        if others and self._seeds is not None:
            self._seeds.close()
            self._dial_seeds([])
        return self._admission.permit(allow, deny)

    # -- now and then --------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        remembered = [Goal.of_record(one) for one in self._memory.load(self._verified, self._around.wall_s())]
        self._dial_seeds(remembered)

    def _dial_seeds(self, remembered: list[Goal]) -> None:
        seeds = [Goal.of_seed(seed) for seed in self._settings.seeds if seed.peer != self._own_id]
        self._seeds = Seeds(self, self._dialler, seeds, remembered)
        self._seeds.look(0)
        if seeds or remembered:
            self._look_at(self.loop.time() + TICK_S)

    def _look(self) -> None:
        """Also soon after the seeds were dialled: a first lookup of our own id makes us known around it."""
        now_s = self.loop.time()
        opened = self._links.opened
        if self._seeds is not None:
            self._seeds.look(opened)
        for peer in self._lost.due(now_s):
            self._try_again(peer)
        for target in self._refresh.targets(opened > 0, now_s):
            self.outlets.api.cast(DoRefresh(target, _REFRESH_S))
        if now_s >= self._thorough_s:
            self._thorough_s = now_s + _THOROUGH_S
            self._clock.correct(now_s)
            for linked in self._links:
                if linked.open and linked.contact is not None:
                    self._look_after(linked, linked.contact, now_s)
        if self._links.crowded:
            for place in range(self._places):
                self.outlets.links.request(LinkUses(place), (_USES, place))
        self._memory.keep(self._table, now_s, self._around.wall_s())
        self._look_in(_LOOK_S if opened else _RETRY_S)
        self._look_at(self._lost.next_s())
        if self._seeds is not None:
            self._look_at(self._seeds.next_s())

    def _look_after(self, linked: Linked, contact: Contact, now_s: float) -> None:
        """An open link is alive, or the session would end it; one that left a question unanswered has to say so."""
        known = self._table.get(contact.id)
        if known is not None and not known.failed:
            self._table.seen(contact, now_s)
        else:
            self.decide(Decide(linked.claim.link, "ping"))

    def _try_again(self, peer: bytes) -> None:
        known = self._table.get(peer)
        if known is None or self.is_open(peer):
            self._lost.discard(peer)
        else:
            self._dial_contact(known.contact)
