"""One link a pair: which of two links to the same peer stays. Pure: decisions in, verdicts out.

After its peer is proven and before any request, a link claims the peer's id here. Where another link holds it:

| | verdict |
|---|---|
| the older has said that it moves | the newer takes over, the older finishes what it has |
| dialled at once by both, and the newer is the lower id's dial | the newer replaces the older |
| dialled at once by both, and the older is the lower id's dial | the older is pinged; it stays if it answers |
| otherwise | the older is pinged; it stays if it answers |

"At once" are links of opposite directions whose claims are less than a handshake's deadline apart: then either node
dialled before it could know of the other's dial. Both nodes see the same two directions and the same ids, so both keep
the same link. Should they differ about "at once" (the deadline passes between their two claims), they agree still: the
older link answers its ping at both ends, or at neither.

The ping settles what no clock can: a peer that was restarted or has moved dials again, while we still hold its old link
and have not noticed. A claim waits for at most `DUPLICATE_PING_S`, or none of its peers would ever answer.

Links are any hashable tokens. At most one claim a peer waits; a further one is refused, unless it wins at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from ..errors import WrongState
from ..limits import DUPLICATE_PING_S, HANDSHAKE_TIMEOUT_S

Link = TypeVar("Link", bound=Hashable)


class Do(Enum):
    """What the owner of a link is told."""

    ACCEPT = "accept it"
    REFUSE = "refuse it as a duplicate"
    CLOSE = "close it, a newer link replaces it"
    RETIRE = "let it finish what it has, a newer link takes over"
    PING = "ping it, and say `answered` if the answer comes"


@dataclass(frozen=True, slots=True)
class Verdict(Generic[Link]):
    """Do this with that link."""

    do: Do
    link: Link


@dataclass(frozen=True, slots=True)
class ClaimStats:
    """`held` and `waiting` now; the others since the start."""

    held: int
    waiting: int
    accepted: int
    refused: int
    replaced: int


@dataclass(slots=True)
class _Held(Generic[Link]):
    link: Link
    dialled: bool
    since_s: float
    newer: Link | None = None  # claims the same peer, and waits for this one's ping
    newer_dialled: bool = False
    until_s: float = 0.0
    moving: bool = False


class Claims(Generic[Link]):
    """Who holds which peer's id, for the node with the id `own`."""

    def __init__(self, own: bytes) -> None:
        self._own = own
        self._held: dict[bytes, _Held[Link]] = {}
        self._peer_of: dict[Link, bytes] = {}  # held and waiting ones
        self._waiting: dict[bytes, float] = {}  # until when, in order: every wait is as long
        self._verdicts: deque[Verdict[Link]] = deque()
        self._accepted = self._refused = self._replaced = 0

    def link_to(self, peer: bytes) -> Link | None:
        """The accepted link to that peer."""
        held = self._held.get(peer)
        return held.link if held else None

    def claim(self, link: Link, peer: bytes, *, dialled: bool, now_s: float) -> None:
        """A link whose peer is proven wants to be the one link to it. `dialled`: by us. `next_verdict` says more.

        Raises:
            WrongState: the link has claimed already.
        """
        if link in self._peer_of:
            raise WrongState("a link", "known", "claim again")
        older = self._held.get(peer)
        if older is None:
            self._hold(link, peer, dialled, now_s)
        elif older.moving or self._wins_at_once(older, peer, dialled, now_s):
            self._replace(older, link, peer, dialled, now_s)
        elif older.newer is not None:
            self._say(Do.REFUSE, link)
        else:
            older.newer, older.newer_dialled = link, dialled
            older.until_s = now_s + DUPLICATE_PING_S
            self._peer_of[link] = peer
            self._waiting[peer] = older.until_s
            self._say(Do.PING, older.link)

    def moving(self, link: Link) -> None:
        """The link will end because one of its nodes moves it: the next claim takes over at once."""
        held = self._held.get(self._peer_of.get(link, b""))
        if held is not None and held.link == link:
            held.moving = True

    def answered(self, link: Link) -> None:
        """The link was pinged for a claim, and has answered: it stays, and the newer one is refused."""
        held = self._held.get(self._peer_of.get(link, b""))
        if held is not None and held.link == link and held.newer is not None:
            self._refuse_newer(held)

    def gone(self, link: Link, now_s: float) -> None:
        """The link has ended, for whatever reason. Nothing happens if it had no claim."""
        peer = self._peer_of.pop(link, None)
        if peer is None:
            return
        held = self._held[peer]
        if held.link == link:
            del self._held[peer]
            if held.newer is not None:
                self._waiting.pop(peer)
                del self._peer_of[held.newer]
                self._hold(held.newer, peer, held.newer_dialled, now_s)
        else:
            held.newer = None
            self._waiting.pop(peer)

    def next_deadline(self) -> float | None:
        """When `handle_timer` wants to be called; None if no claim waits."""
        return next(iter(self._waiting.values()), None)

    def handle_timer(self, now_s: float) -> None:
        """Older links that did not answer in time are replaced."""
        for peer in [peer for peer, until_s in self._waiting.items() if until_s <= now_s]:
            held = self._held[peer]
            assert held.newer is not None, "it waits"
            newer = held.newer
            del self._peer_of[newer]
            self._replace(held, newer, peer, held.newer_dialled, now_s, refuse_newer=False)

    def next_verdict(self) -> Verdict[Link] | None:
        """What to do, in order; None if there is nothing more."""
        return self._verdicts.popleft() if self._verdicts else None

    def stats(self) -> ClaimStats:
        """The counters."""
        return ClaimStats(len(self._held), len(self._waiting), self._accepted, self._refused, self._replaced)

    # -- the rule ------------------------------------------------------------------------------------------------------

    def _wins_at_once(self, older: _Held[Link], peer: bytes, dialled: bool, now_s: float) -> bool:
        together = older.dialled != dialled and now_s - older.since_s < HANDSHAKE_TIMEOUT_S
        return together and dialled == (self._own < peer)

    def _hold(self, link: Link, peer: bytes, dialled: bool, now_s: float) -> None:
        self._held[peer] = _Held(link, dialled, now_s)
        self._peer_of[link] = peer
        self._accepted += 1
        self._say(Do.ACCEPT, link)

    def _replace(
        self, older: _Held[Link], link: Link, peer: bytes, dialled: bool, now_s: float, *, refuse_newer: bool = True
    ) -> None:
        if older.newer is not None and refuse_newer:
            self._refuse_newer(older)
        self._waiting.pop(peer, None)
        del self._peer_of[older.link]
        self._replaced += 1
        self._say(Do.RETIRE if older.moving else Do.CLOSE, older.link)
        self._hold(link, peer, dialled, now_s)

    def _refuse_newer(self, held: _Held[Link]) -> None:
        newer = held.newer
        assert newer is not None, "the caller looked"
        held.newer = None
        self._waiting.pop(self._peer_of.pop(newer))
        self._say(Do.REFUSE, newer)

    def _say(self, do: Do, link: Link) -> None:
        self._refused += do is Do.REFUSE
        self._verdicts.append(Verdict(do, link))
