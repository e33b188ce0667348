"""Dials peers, address after address, and tells everybody who waits for one of them.

Whoever wants a peer is answered once there is an open link, whoever dialled it: two who dial each other at once are
both answered by the link that stays. A peer is dialled once at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from ipc import Answer, IpcError, ServiceDied

from ...errors import LinkClosed, LinkRefused, Refusal
from ...limits import DUPLICATE_PING_S
from ...model import Address, short_id
from ...session import PeerGone
from ...transport import CannotDial
from ..links.commands import Dial

OTHER_LINK_S: Final = 2 * DUPLICATE_PING_S
"""Seconds to wait for the other link, where ours was refused as a duplicate."""

_MOVED: Final = "moved"
"""Why a handshake is refused by who moves its links: the name of `codec.Farewell.MOVED`."""

DEATHS: Final = 3
"""Times that the place which dials may die, before the dial has failed."""

REDIAL_S: Final = 0.05
"""Seconds before a peer that moves is dialled again; doubled each time, up to `REDIAL_MOST_S`."""

REDIAL_MOST_S: Final = 0.8

Waiter = Callable[[bytes | None, Exception | None], None]
"""Told the id of who is linked, or the error."""


class Owner(Protocol):
    """What dialling needs of the service that it belongs to."""

    def send_dial(self, command: Dial, number: int) -> None:
        """Ask `links`; its answer goes to `Dialler.answered`, with that number as tag."""

    def later_give_up(self, delay_s: float, peer: bytes) -> None:
        """Call `Dialler.give_up(peer)` after so many seconds."""

    def later_redial(self, delay_s: float, peer: bytes) -> None:
        """Call `Dialler.redial(peer)` after so many seconds."""

    def is_open(self, peer: bytes) -> bool:
        """Whether there is an open link to the peer."""

    def dial_failed(self, peer: bytes, error: Exception) -> None:
        """No address of the peer led to a link."""


@dataclass(slots=True)
class _Dialling:
    peer: bytes | None
    addresses: list[Address]
    waiters: list[Waiter] = field(default_factory=list)
    error: Exception | None = None
    tried: list[Address] = field(default_factory=list)
    deaths: int = 0
    patience_s: float = 0.0
    """Seconds for which it is dialled again where it does not listen."""
    pause_s: float = REDIAL_S


class Dialler:
    """See the module. For the thread of its service."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._running: dict[int, _Dialling] = {}
        self._by_peer: dict[bytes, _Dialling] = {}
        self._last = 0

    def __len__(self) -> int:
        """Dials that run."""
        return len(self._running)

    def is_dialling(self, peer: bytes) -> bool:
        """Whether that peer is being dialled, or its other link waited for."""
        return peer in self._by_peer

    def dial(
        self,
        peer: bytes | None,
        addresses: list[Address],
        waiter: Waiter | None,
        first: bool = False,
        patience_s: float = 0.0,
    ) -> None:
        """Dial a peer, or (None) whoever is there. `first`: where it is being dialled, try these addresses next.

        `patience_s`: for how long it is dialled again where it does not listen, because it moves its links.
        """
        waiters = [] if waiter is None else [waiter]
        running = None if peer is None else self._by_peer.get(peer)
        if running is not None:
            running.waiters += waiters
            running.patience_s = max(running.patience_s, patience_s)
            if first:
                running.addresses[:0] = addresses
            return
        dialling = _Dialling(peer, list(addresses), waiters, patience_s=patience_s)
        if peer is not None:
            self._by_peer[peer] = dialling
        self._next_address(dialling)

    def opened(self, peer: bytes) -> None:
        """There is a link to the peer now."""
        dialling = self._by_peer.get(peer)
        if dialling is not None:
            self._answer(dialling, peer)

    def answered(self, answer: Answer) -> None:
        """The end of one dial."""
        dialling = self._running.pop(answer.tag)
        error = answer.error
        if error is None:
            self._answer(dialling, answer.value)
            return
        if dialling.peer is not None and self._by_peer.get(dialling.peer) is not dialling:
            return  # answered already, by the link that the peer dialled
        assert isinstance(error, Exception), "answers carry those"
        if isinstance(error, ServiceDied) and dialling.deaths < DEATHS:
            dialling.deaths += 1
            dialling.addresses.insert(0, dialling.tried.pop())
            self._next_address(dialling)
            return
        dialling.error = error
        if isinstance(error, IpcError):
            self._abandon(dialling, error)  # the node stops: that says nothing of the peer
        elif isinstance(error, LinkRefused) and error.reason == Refusal.DUPLICATE:
            self._wait_for_other(dialling)
        else:
            self._next_address(dialling)

    def give_up(self, peer: bytes) -> None:
        """The other link did not come about in time."""
        dialling = self._by_peer.get(peer)
        if dialling is not None and dialling not in self._running.values():
            self._abandon(dialling, dialling.error or LinkClosed(short_id(peer), "no link came about"))

    # -- inside --------------------------------------------------------------------------------------------------------

    def _next_address(self, dialling: _Dialling) -> None:
        if not dialling.addresses and self._redials(dialling):
            return
        if not dialling.addresses:
            who = short_id(dialling.peer) if dialling.peer is not None else "the seed"
            error = dialling.error or CannotDial(who, "it has no address that this node can dial")
            self._abandon(dialling, error)
            return
        address = dialling.addresses.pop(0)
        dialling.tried.append(address)
        self._last += 1
        self._running[self._last] = dialling
        self._owner.send_dial(Dial(address.kind, address.host, address.port, dialling.peer), self._last)

    def redial(self, peer: bytes) -> None:
        """The pause is over."""
        dialling = self._by_peer.get(peer)
        if dialling is not None and not dialling.addresses and dialling not in self._running.values():
            dialling.addresses, dialling.tried = dialling.tried, []
            self._next_address(dialling)

    def _redials(self, dialling: _Dialling) -> bool:
        """It may only be about to listen again: whether it will be dialled once more."""
        away = isinstance(dialling.error, CannotDial | LinkClosed | PeerGone) or (
            isinstance(dialling.error, LinkRefused) and dialling.error.reason == _MOVED
        )
        if dialling.peer is None or not dialling.tried or not away or dialling.patience_s <= 0:
            return False
        dialling.patience_s -= dialling.pause_s
        self._owner.later_redial(dialling.pause_s, dialling.peer)
        dialling.pause_s = min(2 * dialling.pause_s, REDIAL_MOST_S)
        return True

    def _wait_for_other(self, dialling: _Dialling) -> None:
        """There is another link to this peer, or about to be."""
        peer, error = dialling.peer, dialling.error
        assert error is not None, "it was refused"
        if peer is None:
            self._abandon(dialling, error)
        elif self._owner.is_open(peer):
            self._answer(dialling, peer)
        else:
            dialling.addresses.clear()
            self._owner.later_give_up(OTHER_LINK_S, peer)

    def _abandon(self, dialling: _Dialling, error: Exception) -> None:
        self._forget(dialling)
        if dialling.peer is not None and not isinstance(error, IpcError):
            self._owner.dial_failed(dialling.peer, error)
        self._tell(dialling, None, error)

    def _answer(self, dialling: _Dialling, peer: bytes) -> None:
        self._forget(dialling)
        self._tell(dialling, peer, None)

    def _forget(self, dialling: _Dialling) -> None:
        if dialling.peer is not None and self._by_peer.get(dialling.peer) is dialling:
            del self._by_peer[dialling.peer]

    def _tell(self, dialling: _Dialling, peer: bytes | None, error: Exception | None) -> None:
        waiters, dialling.waiters = dialling.waiters, []
        for waiter in waiters:
            waiter(peer, error)
