"""The upkeep service: keeps records alive while nodes come and go (Kademlia, sections 2.3 and 2.5).

- *Republish.* Every `REPUBLISH_S` what this node holds, and is one of the r closest for, is put again to the others of
  them. These are next to us, so the routing table knows them, and no lookup is needed. What another has put here of
  late is left out: it put it to the others, too.
- *Publish.* What our own user has put is looked up and put again as often, until its expiry; it is kept for that in a
  store of its own.
- *Handover.* A newcomer that is one of the r closest to a record is given it; for one that is gone the next closest is.
- *Repair.* A replica that a get has found behind is given the newest version; one that says that ours is old gives us
  its own.

A node that stops hands nothing over: its neighbours notice at once, and put what it held to the next closest. Measured
in simulations of 14 nodes with 150 records, one of which leaves: each record is at 7 of 8 peers or more meanwhile, and
at 8 again after 160 s; two seconds at this pace would be 400 records of a million.

The rule of leases: whoever puts content gives it a lease of at most `CONTENT_LEASE_S`. Its publisher does so again and
again. Replicas pass on *what is left* of the lease they hold, never more; so they cannot keep it among themselves, and
it is gone a day after its publisher has last put it. Anybody else who puts content is its publisher, too, and pays for
it by quota.

All of it in the background: at a bounded pace in records and in bytes, page by page, and with bounded queues.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

from ipc import Answer, Closed, Interned, Service, sendable

from ...codec import Verdict
from ...errors import RequestFailed
from ...limits import CONTENT_LEASE_S, REPUBLISH_S
from ...model import Kind
from ...routing.backoff import fraction, jittered_s
from ...routing.pace import Pace
from ...routing.replicas import holds
from ..commands import Get, Have, Kept, Put, Serve
from ..peers.commands import WhoIsThere
from ..roster import Known
from ..surroundings import Surroundings
from .asks import Asks, Then
from .commands import Arrived, Departed, Repair, Scan, Stocked, UpkeepNumbers, UpkeepStats
from .course import Course, Work, Worked
from .handover import Handover
from .handover import Kept as HandoverKept

RECORDS_S: Final = 200.0
"""Records put again in a second at most: a million of them in an hour and a half, of the eight that there are."""

BYTES_S: Final = 4.0 * (1 << 20)
"""Bytes put in a second at most, all replicas together: a third of 100 Mbit/s, for who has no more."""

REPAIRS: Final = 256
"""Repairs that wait: what gets of some seconds find."""

REPAIRING: Final = 4
"""Repairs at a time."""

SPARES: Final = 8
"""Peers beyond the r closest that are put to, one for each that does not answer."""

LARGE_BYTES: Final = 16 << 10
"""Content of this size and more is mostly a part of a file. Of those a network holds fewer replicas, and nothing in a
record says how many its publisher wanted: so of large ones as many as files have are kept up, by those who hold them.
"""

FIRST_S: Final = 60.0
"""Seconds from the start to the first publishing, so that a node that was down for long puts its own records soon."""

_STORE, _PUBLISHED = "store", "published"

_ARRIVED: Final = "arrived"
"""What the service tells itself where it begins, or goes on."""


@sendable("mdht.upkeep_settings")
@dataclass(frozen=True, slots=True)
class UpkeepSettings:
    """Of the configuration, what this service needs."""

    own_id: bytes
    network: str
    replicas: int
    large_replicas: int
    """The same for content of `LARGE_BYTES` and more."""
    serves: bool
    """Others can reach this node's store."""


class Upkeep(Service):
    """See the module. Outlets: `store`, `published`, `peers`, `links`."""

    def __init__(self, settings: UpkeepSettings, around: Surroundings) -> None:
        self._settings = settings
        self._own_id = settings.own_id
        self._around = around
        self._counts = {one.name: 0 for one in fields(UpkeepStats)}
        self._handing = HandoverKept()
        self._repairs: list[Repair] = []

    # -- life ----------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        self._asks = Asks(self, self._own_id, self._settings.network, self._around)
        self._pace = Pace(RECORDS_S, BYTES_S)
        self._courses: dict[str, Course] = {}
        replicas = self._settings.replicas
        self._handover = Handover(self, self._asks, self._own_id, replicas, self._counts, self._handing)
        self._repairing = 0
        self._arrived = False
        self.after(0.0, _ARRIVED)

    def start(self) -> None:
        self.after(FIRST_S + FIRST_S * self.random(), ("pass", _PUBLISHED))
        self.after(REPUBLISH_S * (0.25 + 0.75 * self.random()), ("pass", _STORE))

    def _arrive(self) -> None:
        """Here, or at another place: a pass that was under way is for the next time, all else goes on."""
        if self._arrived:
            return
        self._arrived = True
        self._asks.request("peers", WhoIsThere(), self._introduced)
        self._handover.go_on()
        self._repair_next()

    def close(self) -> None:
        for course in self._courses.values():
            course.stop()
        self._asks.close()

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is Answer:
            self._asks.answered(command)
        elif kind is Arrived:
            self._handover.arrived(command)
        elif kind is Departed:
            self._handover.departed(command.peer)
        elif kind is Repair:
            self._repair(command)
        elif kind is UpkeepNumbers:
            waiting = len(self._handover) + len(self._repairs) + self._repairing
            lost = sum(course.lost for course in self._courses.values())
            return UpkeepStats(**{**self._counts, "waiting": waiting, "lost": self._counts["lost"] + lost})
        elif kind is tuple and command[0] == "step":
            if (course := self._courses.get(command[1])) is not None:
                course.step()
        elif kind is tuple and command[0] == "pass":
            self._pass(command[1])
        elif command == "hand":
            self._handover.next()
        elif command == _ARRIVED:
            self._arrive()
        else:
            raise TypeError(f"the upkeep service knows no {command!r}")
        return None

    def _introduced(self, handle: Interned | None, error: Exception | None) -> None:
        if error is not None:
            raise error
        self._asks.handle = handle

    # -- see `upkeep_course.Owner` -------------------------------------------------------------------------------------

    def later_step(self, delay_s: float, course: Course) -> None:
        """See `Owner`."""
        name = next(name for name, one in self._courses.items() if one is course)
        self.after(delay_s, ("step", name))

    def now_s(self) -> float:
        """See `Owner`."""
        return self.loop.time()

    def random(self) -> float:
        """See `Owner`."""
        return fraction(self._around.random(6))

    # -- see `upkeep_handover.Owner` -----------------------------------------------------------------------------------

    def later_hand(self, delay_s: float) -> None:
        """See `Owner`."""
        self.after(delay_s, "hand")

    def begin_course(self, name: str, work: Work, done: Callable[[], None], scan: Scan) -> Course:
        """See `Owner`."""
        self._courses[name] = course = Course(self, self._asks, self._pace, _STORE, work, done, scan=scan)
        return course

    def end_course(self, name: str) -> None:
        """See `Owner`."""
        course = self._courses.pop(name)
        course.stop()
        self._counts["lost"] += course.lost

    def replicas(self, stocked: Stocked) -> int:
        """See `Owner`: of how many closest peers those who hold it take care."""
        settings = self._settings
        large = stocked.lease and len(stocked.record) >= LARGE_BYTES
        return min(settings.replicas, settings.large_replicas) if large else settings.replicas

    def left_s(self, stocked: Stocked) -> int | None:
        """See `Owner`."""
        if not stocked.lease:
            return 0
        left_s = int(stocked.until_s - self._around.wall_s())
        return left_s if left_s > 0 else None

    # -- passes --------------------------------------------------------------------------------------------------------

    def _pass(self, name: str) -> None:
        """Go through everything; then again, when the period is over, and this pass with it."""
        if name in self._courses or not len(self._asks.roster):
            self.after(FIRST_S, ("pass", name))
            return

        def done() -> None:
            self.end_course(name)
            self._counts["passes"] += 1

        work = self._republish if name == _STORE else self._publish
        first = self._around.random(32)  # so that frequent restarts do not always begin with the same records
        self._courses[name] = course = Course(self, self._asks, self._pace, name, work, done, first=first)
        self.after(jittered_s(REPUBLISH_S, self.random()), ("pass", name))
        course.step()

    def _republish(self, stocked: Stocked, worked: Worked) -> None:
        """What we hold for everybody, to the others that do."""
        replicas = self.replicas(stocked)
        peers = self._asks.roster.closest(stocked.address, replicas + SPARES)
        lease_s = self.left_s(stocked)
        ours = holds(stocked.address, self._own_id, [one.id for one in peers], replicas)
        if stocked.recent or not ours or lease_s is None:
            self._counts["skipped"] += 1
            worked(True)
            return

        def done(answered: int) -> None:
            self._counts["republished"] += answered > 0
            worked(answered > 0)

        self.put_to(peers, replicas - 1, stocked, lease_s, done)

    def _publish(self, stocked: Stocked, worked: Worked) -> None:
        """What our user has put, to the peers closest to it now, wherever they are."""
        left_s = self.left_s(stocked)
        if left_s is None:
            worked(True)
            return
        lease_s, replicas = min(left_s, CONTENT_LEASE_S), self._settings.replicas

        def found(peers: list[Known]) -> None:
            ids = [one.id for one in peers]
            here = self._settings.serves and holds(stocked.address, self._own_id, ids, replicas)

            def done(answered: int) -> None:
                self._counts["renewed"] += answered > 0
                worked(answered > 0)

            if here:
                self._keep(stocked.record, lease_s)
            self.put_to(peers, replicas - here, stocked, lease_s, done)

        self._asks.walk(stocked.address, replicas, found)

    # -- repair --------------------------------------------------------------------------------------------------------

    def _repair(self, repair: Repair) -> None:
        if len(self._repairs) >= REPAIRS:
            self._counts["dropped"] += 1
            return
        self._repairs.append(repair)
        self._repair_next()

    def _repair_next(self) -> None:
        while self._repairs and self._repairing < REPAIRING:
            repair = self._repairs.pop(0)
            self._repairing += 1

            def done(answered: int) -> None:
                self._repairing -= 1
                self._counts["repaired"] += answered
                self._repair_next()

            peers = [Known(peer, record) for peer, record in repair.peers[: self._settings.replicas]]
            stocked = Stocked(bytes(32), repair.record, 0, lease=False, recent=False)
            self.put_to(peers, len(peers), stocked, repair.lease_s, done)

    # -- putting -------------------------------------------------------------------------------------------------------

    def put_to(
        self, peers: list[Known], wanted: int, stocked: Stocked, lease_s: int, done: Callable[[int], None]
    ) -> None:
        """Put it to the first `wanted` of them, and for each that does not answer to one more; `done`: how many did."""
        question = Put(stocked.record, None, lease_s)
        left = deque(peers)
        under_way = answered = 0
        over = False

        def more() -> None:
            nonlocal under_way, over
            while left and under_way + answered < wanted:
                peer = left.popleft()
                under_way += 1
                self._counts["puts"] += 1
                self._pace.spend(len(stocked.record), self.now_s())
                self._asks.ask(peer, question, ended(peer))
            if not under_way and not over:
                over = True
                done(answered)

        def ended(peer: Known) -> Then:
            def then(value: Any, error: Exception | None) -> None:
                nonlocal under_way, answered, over
                under_way -= 1
                if isinstance(error, Closed):
                    over = True  # the node stops
                    return
                if error is None or isinstance(error, RequestFailed):
                    answered += 1
                    self._counts["refused"] += error is not None
                else:
                    self._counts["failed"] += 1
                if isinstance(value, Kept) and value.verdict == Verdict.SUPERSEDED:
                    self._catch_up(peer, stocked)
                more()

            return then

        more()

    def _keep(self, record: bytes, lease_s: int) -> None:
        """Put it here, as our own user."""

        def kept(value: Any, error: Exception | None) -> None:
            self._counts["refused"] += error is not None

        self._asks.request(_STORE, Serve(Put(record, None, lease_s)), kept)

    def _catch_up(self, peer: Known, stocked: Stocked) -> None:
        """A replica has a newer version than we: take it. The store verifies it. (Open names come by their owners.)"""
        if stocked.record[0] & 0x7F != Kind.OWNED or stocked.address == bytes(32):
            return

        def answered(value: Any, error: Exception | None) -> None:
            if isinstance(value, Have):
                self._keep(value.record, 0)

        self._asks.ask(peer, Get(stocked.address), answered)
