"""Who holds a record changes when a peer comes or goes: those who hold it see to it that the right ones do.

*A newcomer* that is one of the r closest to a record is put it by the `GIVERS` closest of the others (Kademlia, section
2.5, where the closest one does it). It may be new to the network, or have been started again, which another number of
its peer record tells. With its disk it has nearly everything then; so it is asked for the first few, and if it has them
as they are here, left alone: republishing brings it what it has missed.

*For one that is gone*, given up by the routing table, whoever is the r-th closest now is put it, by the same `GIVERS`.
A cut in the network looks like that, too: each half then makes itself complete, at the usual pace.

Peers are taken one after the other; what is in the region of one is gone through page by page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ipc import sendable

from ...limits import K
from ...routing.replicas import hands_over, heir, shared_region_bits
from ..commands import Get, Have
from ..roster import Known
from .asks import Asks
from .commands import Arrived, Scan, Stocked
from .course import Course, Work, Worked

GIVERS: Final = 2
"""Of those who hold a record, how many put it: one may be about to go, or not know the network as it is."""

QUEUE: Final = 64
"""Peers that wait for their turn: a neighbourhood has no more, and the next republishing makes up for the others."""

HANDED: Final = 1_024
"""Peers remembered as handed to, so that a link that comes and goes does not make it happen again."""

HANDED_S: Final = 3_600.0
"""Seconds for which they are, while their peer record has the same number."""

PROBES: Final = 8
"""Records that a newcomer is asked for: one that lacks a quarter of all is left alone once in ten times."""

SETTLE_S: Final = 2.0
"""Seconds between a peer's coming and its turn: it learns of others meanwhile, and so do we."""


class Owner(Protocol):
    """What handing over needs of the service that it belongs to."""

    def now_s(self) -> float:
        """A clock that does not jump."""

    def later_hand(self, delay_s: float) -> None:
        """Call `Handover.next()` after so many seconds."""

    def begin_course(self, name: str, work: Work, done: Callable[[], None], scan: Scan) -> Course:
        """Go through the store; the course is to be found under that name until `end_course`."""

    def end_course(self, name: str) -> None:
        """It is over, or given up."""

    def replicas(self, stocked: Stocked) -> int:
        """How many closest peers hold it."""

    def left_s(self, stocked: Stocked) -> int | None:
        """What is left of its lease, 0 where it has none; None: it is over."""

    def put_to(
        self, peers: list[Known], wanted: int, stocked: Stocked, lease_s: int, done: Callable[[int], None]
    ) -> None:
        """Put it to so many of them; `done` is told how many answered."""


@sendable("mdht.handover_kept")
@dataclass(slots=True)
class Kept:
    """Who waits, in order; to whom was handed, with the number of the peer record and when; whose turn it is."""

    queue: dict[bytes, Arrived | None] = field(default_factory=dict)
    handed: dict[bytes, tuple[int, float]] = field(default_factory=dict)
    current: dict[bytes, Arrived | None] = field(default_factory=dict)


class Handover:
    """See the module. Counts `handed` and `dropped`."""

    NAME = "hand"

    def __init__(
        self, owner: Owner, asks: Asks, own_id: bytes, replicas: int, counts: dict[str, int], kept: Kept
    ) -> None:
        """`kept` is state of the service: another one goes on from there after a move."""
        self._owner = owner
        self._asks = asks
        self._own_id = own_id
        self._replicas = replicas
        self._counts = counts
        self._queue, self._handed, self._current = kept.queue, kept.handed, kept.current
        self._turn = 0
        self._busy = False

    def __len__(self) -> int:
        return len(self._queue) + self._busy

    def go_on(self) -> None:
        """After a move: with whoever had the turn, and those who wait."""
        waiting = {**self._current, **self._queue}
        self._queue.clear()
        self._queue.update(waiting)
        self._current.clear()
        if self._queue:
            self._owner.later_hand(SETTLE_S)

    def arrived(self, arrived: Arrived) -> None:
        """A peer that may hold what we hold is linked."""
        now_s = self._owner.now_s()
        sequence, at_s = self._handed.get(arrived.peer, (0, 0.0))
        if sequence == arrived.sequence and now_s - at_s < HANDED_S:
            return
        if self._enqueue(arrived.peer, arrived):
            self._handed.pop(arrived.peer, None)
            self._handed[arrived.peer] = (arrived.sequence, now_s)
            if len(self._handed) > HANDED:
                del self._handed[next(iter(self._handed))]

    def departed(self, peer: bytes) -> None:
        """A peer that may have held what we hold is given up."""
        self._handed.pop(peer, None)
        self._enqueue(peer, None)

    def next(self) -> None:
        """The next peer, if nobody has the turn."""
        if self._busy or not self._queue:
            return
        peer = next(iter(self._queue))
        arrived = self._current[peer] = self._queue.pop(peer)
        around = [one for one in self._asks.roster.closest(peer, 4 * K) if one.id != peer]
        bits = shared_region_bits(peer, [self._own_id, *(one.id for one in around)], self._replicas)
        self._busy = True
        self._turn += 1
        work = self._to_newcomer(Known(peer, arrived.record), around) if arrived else self._instead_of(peer, around)
        self._owner.begin_course(self.NAME, work, self._done, Scan(None, peer, bits)).step()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _enqueue(self, peer: bytes, arrived: Arrived | None) -> bool:
        if peer not in self._queue and len(self._queue) >= QUEUE:
            self._counts["dropped"] += 1
            return False
        self._queue[peer] = arrived
        if len(self._queue) == 1:
            self._owner.later_hand(SETTLE_S)
        return True

    def _done(self) -> None:
        self._busy = False
        self._current.clear()
        self._owner.end_course(self.NAME)
        self.next()

    def _to_newcomer(self, newcomer: Known, around: list[Known]) -> Work:
        others, turn = [one.id for one in around] + [newcomer.id], self._turn
        has, lacks = 0, False

        def work(stocked: Stocked, worked: Worked) -> None:
            replicas = self._owner.replicas(stocked)
            if not hands_over(stocked.address, self._own_id, newcomer.id, others, replicas, GIVERS):
                worked(True)
            elif lacks:
                self._give(newcomer, stocked, worked, gone)
            else:
                self._asks.ask(newcomer, Get(stocked.address), lambda value, error: probed(stocked, worked, value))

        def probed(stocked: Stocked, worked: Worked, value: Any) -> None:
            nonlocal has, lacks
            if isinstance(value, Have) and value.record == stocked.record:
                has += 1
                if has >= PROBES and not lacks:
                    leave_alone()
                else:
                    worked(True)
            else:
                lacks = True
                self._give(newcomer, stocked, worked, gone)

        def gone() -> None:
            self._handed.pop(newcomer.id, None)
            leave_alone()

        def leave_alone() -> None:
            if self._busy and self._turn == turn:
                self._done()

        return work

    def _instead_of(self, peer: bytes, around: list[Known]) -> Work:
        known = {one.id: one for one in around}

        def work(stocked: Stocked, worked: Worked) -> None:
            replicas = self._owner.replicas(stocked)
            next_one = heir(stocked.address, self._own_id, peer, list(known), replicas, GIVERS)
            self._give(known.get(next_one) if next_one else None, stocked, worked, lambda: worked(True))

        return work

    def _give(self, peer: Known | None, stocked: Stocked, worked: Worked, unreachable: Callable[[], None]) -> None:
        lease_s = self._owner.left_s(stocked)
        if peer is None or lease_s is None:
            worked(True)
            return

        def given(answered: int) -> None:
            self._counts["handed"] += answered
            if answered:
                worked(True)
            else:
                unreachable()

        self._owner.put_to([peer], 1, stocked, lease_s, given)
