"""Which links may be: the allow and deny lists, one link a peer, and room; each decision is sent to `links`."""

from __future__ import annotations

from typing import Protocol

from ...errors import Refusal
from ...session import Claims, Do
from ..links.commands import Decide
from .links import Linked, PeerLinks


class Owner(Protocol):
    """What admission needs of the service that it belongs to."""

    def decide(self, command: Decide) -> None:
        """Send it to `links`."""

    def later_tick(self) -> None:
        """Call `Admission.tick` soon: a ping is waited for."""


class Admission:
    """See the module. Times are of the loop's clock."""

    def __init__(
        self, owner: Owner, own_id: bytes, allow: frozenset[bytes], deny: frozenset[bytes], links: PeerLinks
    ) -> None:
        self.refused = 0
        """Links, since the start; likewise the next two."""
        self.replaced = 0
        """Closed for one that is of more use."""
        self.idle = 0
        """Closed because nobody used them."""
        self._owner = owner
        self._allow = allow
        self._deny = deny
        self._links = links
        self._claims: Claims[int] = Claims(own_id)
        self._ticking = False

    def refusal(self, peer: bytes) -> str | None:
        """Why this peer may not link at all; None: it may."""
        if peer in self._deny or (self._allow and peer not in self._allow):
            return Refusal.NOT_ALLOWED.value
        return None

    def permit(self, allow: frozenset[bytes], deny: frozenset[bytes]) -> int:
        """Other lists from now on: links that they do not allow are closed; how many."""
        self._allow, self._deny = allow, deny
        refused = [one for one in self._links if self.refusal(one.claim.peer) is not None and not one.leaving]
        for linked in refused:
            self._leave(linked, Refusal.NOT_ALLOWED.value)
        self.refused += len(refused)
        return len(refused)

    def has_room(self, peer: bytes, now_s: float) -> bool:
        """Whether a link to this peer would find room, if only that of another."""
        return not self._links.full or self._links.gives_way(peer, now_s) is not None

    def turned_away(self, link: int, peer: bytes, now_s: float) -> bool:
        """A proven peer wants this link: whether it is refused. At the cap, a link of less use gives way."""
        reason = self.refusal(peer)
        if reason is None and self._links.full and self._claims.link_to(peer) is None:
            least = self._links.gives_way(peer, now_s)
            if least is None:
                reason = Refusal.TOO_MANY.value
            else:
                self.replaced += 1
                self._leave(least, "too many")
        if reason is not None:
            self.refused += 1
            self._owner.decide(Decide(link, "refuse", reason))
        return reason is not None

    def close_idle(self, now_s: float) -> None:
        """Say goodbye to those beyond what is wanted that nobody uses."""
        for linked in self._links.idle(now_s):
            self.idle += 1
            self._leave(linked, "idle")

    def link_to(self, peer: bytes) -> int | None:
        """The accepted link to that peer."""
        return self._claims.link_to(peer)

    # -- claims: one link a peer ---------------------------------------------------------------------------------------

    def claim(self, linked: Linked, now_s: float) -> None:
        """It is not turned away: it wants to be the one link to its peer."""
        claim = linked.claim
        self._links.add(linked, now_s)
        self._claims.claim(claim.link, claim.peer, dialled=claim.dialled, now_s=now_s)
        self._verdicts()

    def gone(self, link: int, now_s: float) -> None:
        """It has ended."""
        self._claims.gone(link, now_s)
        self._verdicts()

    def answered(self, link: int) -> None:
        """It has answered a ping."""
        self._claims.answered(link)
        self._verdicts()

    def moving(self, link: int) -> None:
        """Its peer will end it."""
        self._claims.moving(link)

    def tick(self, now_s: float) -> None:
        """Those that did not answer a ping in time are replaced."""
        self._ticking = False
        self._claims.handle_timer(now_s)
        self._verdicts()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _leave(self, linked: Linked, reason: str) -> None:
        linked.leaving = True
        self._owner.decide(Decide(linked.claim.link, "leave", reason))

    def _verdicts(self) -> None:
        while (verdict := self._claims.next_verdict()) is not None:
            match verdict.do:
                case Do.REFUSE:
                    self.refused += 1
                    command = Decide(verdict.link, "refuse", Refusal.DUPLICATE.value)
                case do:
                    command = Decide(verdict.link, do.name.lower())
            self._owner.decide(command)
        if not self._ticking and self._claims.next_deadline() is not None:
            self._ticking = True
            self._owner.later_tick()
