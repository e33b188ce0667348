"""The links that a node has, each with its peer, and which of them it keeps (`routing.keeping`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...routing import Contact
from ...routing.keeping import Keeping, Use
from ..links.places import place_of
from .commands import Claimed, PeerInfo


@dataclass(slots=True)
class Linked:
    """A link that has claimed."""

    claim: Claimed
    contact: Contact | None
    addresses: tuple[str, ...]
    sequence: int
    """Of its peer record; 0 where that is not used."""
    open: bool = False
    leaving: bool = False
    """We have said goodbye."""
    moves: bool = False
    """The peer moves its end: nothing new is asked on it."""
    used_s: float = 0.0
    traffic: int = 0

    def info(self) -> PeerInfo:
        """For the user."""
        claim = self.claim
        return PeerInfo(claim.peer, claim.host, claim.port, claim.dialled, self.addresses)


class PeerLinks:
    """By the number of the link. Times in seconds of the loop's clock."""

    def __init__(self, own_id: bytes, keeping: Keeping) -> None:
        self.keeping = keeping
        self._own_id = own_id
        self._all: dict[int, Linked] = {}

    def __iter__(self) -> Iterator[Linked]:
        return iter(self._all.values())

    def get(self, link: int) -> Linked | None:
        """The link of that number."""
        return self._all.get(link)

    def add(self, linked: Linked, now_s: float) -> None:
        """It claims; opening counts as a use."""
        linked.used_s = now_s
        self._all[linked.claim.link] = linked

    def pop(self, link: int) -> Linked | None:
        """It has ended."""
        return self._all.pop(link, None)

    def places(self) -> dict[bytes, int]:
        """In which place the link to each linked peer is, by id."""
        return {linked.claim.peer: place_of(linked.claim.link) for linked in self._all.values() if linked.open}

    def emptiest(self, places: int) -> int:
        """The place with the fewest links."""
        counts = [0] * places
        for linked in self._all.values():
            if (place := place_of(linked.claim.link)) < places:
                counts[place] += 1
        return counts.index(min(counts))

    @property
    def opened(self) -> int:
        """Open ones."""
        return sum(linked.open for linked in self._all.values())

    @property
    def crowded(self) -> bool:
        """More than are wanted, so it matters which are used."""
        return len(self._all) > self.keeping.wanted

    @property
    def full(self) -> bool:
        """As many as may be, those aside that we have said goodbye to."""
        return len(self._all) - sum(linked.leaving for linked in self._all.values()) >= self.keeping.most

    def note_traffic(self, counts: Iterable[tuple[int, int]], now_s: float) -> None:
        """Messages of each link since its beginning, but for keep-alives: those with more than before were used."""
        for link, count in counts:
            linked = self._all.get(link)
            if linked is not None and count > linked.traffic:
                linked.traffic = count
                linked.used_s = now_s

    def idle(self, now_s: float) -> list[Linked]:
        """Those to be closed now for want of use."""
        peers = set(self.keeping.idle(self._own_id, self._uses(), now_s))
        return [linked for linked in self._all.values() if linked.claim.peer in peers and self._may_go(linked)]

    def gives_way(self, newcomer: bytes, now_s: float) -> Linked | None:
        """The one that is closed for a newcomer; None: the newcomer is refused."""
        peer = self.keeping.gives_way(self._own_id, self._uses(), newcomer, now_s)
        return next((one for one in self._all.values() if one.claim.peer == peer and self._may_go(one)), None)

    def _uses(self) -> list[Use]:
        return [Use(linked.claim.peer, linked.used_s) for linked in self._all.values() if self._may_go(linked)]

    @staticmethod
    def _may_go(linked: Linked) -> bool:
        return linked.open and not linked.leaving
