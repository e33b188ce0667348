"""What the parts of the peers service ask of it: to dial, to decide, to be called later; what it shows of its table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ipc import Service
from ipc.timers import Timer

from ...errors import LinkRefused, MdhtError, Refusal
from ...limits import REPLICAS, VERIFIED_PEERS
from ...model import Address, Seed, VerifiedPeers
from ...routing import Contact, RoutingTable
from ...routing.backoff import fraction
from ...routing.keeping import Keeping
from ...routing.replicas import closest_ids
from ..links.commands import Decide, Dial
from ..roster import Roster, new_handle
from ..surroundings import Surroundings
from ..upkeep.commands import Departed
from .admission import Admission
from .dialling import Dialler
from .links import PeerLinks
from .lost import LostPeers
from .twins import Twins

TICK_S: Final = 0.5
"""Seconds between looks at claims whose ping is late: a quarter of what a ping has."""

DIAL: Final = "dial"
"""Tag of dials."""


@dataclass(frozen=True, slots=True)
class PeersSettings:
    """Of the configuration, what this service needs. `memory`: the file of remembered peers, or empty."""

    own_id: bytes
    network: str
    seeds: tuple[Seed, ...] = ()
    allow: frozenset[bytes] = frozenset()
    deny: frozenset[bytes] = frozenset()
    most_links: int = 1
    memory: str = ""
    places: int = 1
    """In how many places links live."""


class PeersOwner(Service):
    """The lower half of `Peers`: all that its parts share."""

    def __init__(self, settings: PeersSettings, around: Surroundings) -> None:
        self._settings = settings
        self._around = around
        self._own_id = settings.own_id

    def _begin_parts(self) -> None:
        """With an empty table, and no links."""
        settings = self._settings
        self._table = RoutingTable(self._own_id, self.loop.time())
        self._roster = new_handle()
        self._shown = (self._table.version, 0)
        self._places = settings.places
        self._moved = 0
        """Changes of where linked peers are."""
        self._verified = VerifiedPeers(settings.network, VERIFIED_PEERS)
        self._links = PeerLinks(self._own_id, Keeping(settings.most_links))
        self._admission = Admission(self, self._own_id, settings.allow, settings.deny, self._links)
        self._lost = LostPeers()
        self._twins = Twins(self._own_id)
        self._dialler = Dialler(self)

    def _show(self) -> None:
        """Let everybody see the table as it is now, if it is another one: before anybody is told what changed it."""
        version = (self._table.version, self._moved)
        if self._shown != version:
            self._shown = version
            everybody = list(self._table)
            live = [known for known in everybody if not known.failed] or everybody
            rows = [(known.contact.id, known.contact.data) for known in live]
            places = self._links.places() if self._places > 1 else None
            self._roster.publish(Roster.of(rows, places))

    def _fail(self, peer: bytes) -> None:
        """Count a failure. One of our neighbours that the table gives up leaves records to others."""
        near = peer in closest_ids(self._own_id, (known.contact.id for known in self._table), 2 * REPLICAS)
        self._table.failed(peer, self.loop.time())
        self._show()
        if near and peer not in self._table:
            self.outlets.upkeep.cast(Departed(peer))

    def _dial_contact(self, contact: Contact, patience_s: float = 0.0) -> None:
        """Nobody waits for it. `patience_s`: how long it may not listen."""
        try:
            record = self._verified.read(contact.data, self._around.wall_s())
        except MdhtError:
            self._table.remove(contact.id)  # its record has expired: what it has now it tells who it links to
            self._lost.discard(contact.id)
            self._show()
        else:
            self._dialler.dial(record.id, self.reachable(record.addresses), None, patience_s=patience_s)

    # -- see the owners in `dialling`, `seeds` and `admission` ---------------------------------------------------------

    def send_dial(self, command: Dial, number: int) -> None:
        """See `Owner`."""
        if self._places > 1:
            command = replace(command, place=self._links.emptiest(self._places))
        self.outlets.links.request(command, (DIAL, number))

    def decide(self, command: Decide) -> None:
        """See `Owner`."""
        self.outlets.links.cast(command)

    def later_tick(self) -> None:
        """See `Owner`."""
        self.after(TICK_S, "tick")

    def later_give_up(self, delay_s: float, peer: bytes) -> None:
        """See `Owner`."""
        self.after(delay_s, ("give up", peer))

    def later_redial(self, delay_s: float, peer: bytes) -> None:
        """See `Owner`."""
        self.after(delay_s, ("redial", peer))

    def is_open(self, peer: bytes) -> bool:
        """See `Owner`."""
        link = self._admission.link_to(peer)
        linked = None if link is None else self._links.get(link)
        return linked is not None and linked.open and not linked.moves

    def reachable(self, addresses: tuple[Address, ...]) -> list[Address]:
        """See `Owner`."""
        return [address for address in addresses if self._around.transport(address.kind) is not None]

    def random(self) -> float:
        """See `Owner`."""
        return fraction(self._around.random(6))

    def dial_failed(self, peer: bytes, error: Exception) -> None:
        """See `Owner`."""
        now_s = self.loop.time()
        if isinstance(error, LinkRefused) and error.reason == Refusal.DUPLICATE and not error.by_us:
            self._twins.seen_by(peer)
            return
        if self._links.opened:  # else it is our own network that is down, and the table has to outlive that
            self._fail(peer)
        if peer in self._table:
            self._lost.add(peer, now_s, self.random())
            self._look_at(self._lost.next_s())
        else:
            self._lost.discard(peer)

    # -- looks now and then --------------------------------------------------------------------------------------------

    def _look_at(self, at_s: float | None) -> None:
        """Look then, if it was to be later."""
        if at_s is not None and at_s < self._look_s:
            self._looking.cancel()
            self._look_in(max(TICK_S, at_s - self.loop.time()))

    def _look_in(self, delay_s: float) -> None:
        self._look_s = self.loop.time() + delay_s
        self._looking: Timer = self.after(delay_s, "look")
