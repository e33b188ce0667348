"""The upkeep service: keeps records alive while nodes come and go (Kademlia, sections 2.3 and 2.5).

- *Republish.* Every `REPUBLISH_S` what this node holds, and is one of the r closest for, is put again to the others of
  them. These are next to us, so the routing table knows them, and no lookup is needed. What another has put here of
  late is left out: it put it to the others, too.
- *Publish.* What our own user has put is looked up and put again as often, until its expiry; it is kept for that in a
  store of its own.
- *Handover.* A newcomer that is one of the r closest to a record is given it by the `GIVERS` closest of the others.
- *Repair.* A replica that a get has found behind is given the newest version; one that says that ours is old gives us
  its own.

The rule of leases: whoever puts content gives it a lease of at most `CONTENT_LEASE_S`. Its publisher does so again and
again. Replicas pass on *what is left* of the lease they hold, never more; so they cannot keep it among themselves, and
it is gone a day after its publisher has last put it. Anybody else who puts content is its publisher, too, and pays for
it by quota.

All of it in the background: at a bounded pace in records and in bytes, page by page, and with bounded queues.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ipc import Answer, Interned, IpcError, Service, sendable

from ..codec import Verdict
from ..errors import RequestFailed
from ..limits import CONTENT_LEASE_S, REPUBLISH_S, K
from ..model import Kind
from ..routing.backoff import fraction, jittered_s
from ..routing.pace import Pace
from ..routing.replicas import hands_over, holds, shared_region_bits
from .commands import Get, Have, Kept, Put, Serve, WhoIsThere
from .roster import Known
from .surroundings import Surroundings
from .upkeep_asks import Asks, Then
from .upkeep_commands import Arrived, Repair, Scan, Stocked, UpkeepNumbers, UpkeepStats
from .upkeep_course import Course, Worked

RECORDS_S: Final = 200.0
"""Records put again in a second at most: a million of them in an hour and a half, of the eight that there are."""

BYTES_S: Final = 4.0 * (1 << 20)
"""Bytes put in a second at most, all replicas together: a third of 100 Mbit/s, for who has no more."""

GIVERS: Final = 2
"""Of those who hold a record, how many hand it to a newcomer: one may be about to go."""

NEWCOMERS: Final = 64
"""Peers that wait to be handed something: a node meets no more at once than its neighbourhood has."""

HANDED: Final = 1_024
"""Peers remembered as handed to, so that a link that comes and goes does not make it happen again."""

HANDED_S: Final = 3_600.0
"""Seconds for which they are; a peer that was started again is another one, its record has another number."""

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

SETTLE_S: Final = 2.0
"""Seconds between a newcomer's link and its handover: it learns of others meanwhile, and so do we."""

FIRST_S: Final = 60.0
"""Seconds from the start to the first publishing, so that a node that was down for long puts its own records soon."""

_STORE, _PUBLISHED = "store", "published"


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

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._asks = Asks(self, self._own_id, self._settings.network, self._around)
        self._pace = Pace(RECORDS_S, BYTES_S)
        self._counts: Counter[str] = Counter()
        self._courses: dict[str, Course] = {}
        self._newcomers: OrderedDict[bytes, Arrived] = OrderedDict()
        self._handed: OrderedDict[bytes, tuple[int, float]] = OrderedDict()
        self._repairs: deque[Repair] = deque()
        self._repairing = 0
        self._asks.request("peers", WhoIsThere(), self._introduced)
        self.after(FIRST_S + FIRST_S * self.random(), ("pass", _PUBLISHED))
        self.after(REPUBLISH_S * (0.25 + 0.75 * self.random()), ("pass", _STORE))

    def stop(self) -> None:
        for course in self._courses.values():
            course.stop()
        self._asks.close()

    def call(self, command: Any) -> Any:
        kind = type(command)
        if kind is Answer:
            self._asks.answered(command)
        elif kind is Arrived:
            self._arrived(command)
        elif kind is Repair:
            self._repair(command)
        elif kind is UpkeepNumbers:
            waiting = len(self._newcomers) + len(self._repairs) + self._repairing
            lost = sum(course.lost for course in self._courses.values())
            return UpkeepStats(**{**self._counts, "waiting": waiting, "lost": self._counts["lost"] + lost})
        elif kind is tuple and command[0] == "step":
            if (course := self._courses.get(command[1])) is not None:
                course.step()
        elif kind is tuple and command[0] == "pass":
            self._pass(command[1])
        elif command == "hand":
            self._hand_next()
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

    # -- passes --------------------------------------------------------------------------------------------------------

    def _pass(self, name: str) -> None:
        """Go through everything; then again, when the period is over, and this pass with it."""
        if name in self._courses or not len(self._asks.roster):
            self.after(FIRST_S, ("pass", name))
            return

        def done() -> None:
            self._counts["lost"] += self._courses.pop(name).lost
            self._counts["passes"] += 1

        work = self._republish if name == _STORE else self._publish
        first = self._around.random(32)  # so that frequent restarts do not always begin with the same records
        self._courses[name] = course = Course(self, self._asks, self._pace, name, work, done, first=first)
        self.after(jittered_s(REPUBLISH_S, self.random()), ("pass", name))
        course.step()

    def _republish(self, stocked: Stocked, worked: Worked) -> None:
        """What we hold for everybody, to the others that do."""
        replicas = self._replicas(stocked)
        peers = self._asks.roster.closest(stocked.address, replicas + SPARES)
        lease_s = self._left_s(stocked)
        ours = holds(stocked.address, self._own_id, [one.id for one in peers], replicas)
        if stocked.recent or not ours or (stocked.lease and lease_s < 1):
            self._counts["skipped"] += 1
            worked(True)
            return

        def done(answered: int) -> None:
            self._counts["republished"] += answered > 0
            worked(answered > 0)

        self._put_to(peers, replicas - 1, stocked, lease_s, done)

    def _publish(self, stocked: Stocked, worked: Worked) -> None:
        """What our user has put, to the peers closest to it now, wherever they are."""
        lease_s = min(self._left_s(stocked), CONTENT_LEASE_S) if stocked.lease else 0
        replicas = self._settings.replicas

        def found(peers: list[Known]) -> None:
            ids = [one.id for one in peers]
            here = self._settings.serves and holds(stocked.address, self._own_id, ids, replicas)

            def done(answered: int) -> None:
                self._counts["renewed"] += answered > 0
                worked(answered > 0)

            if here:
                self._keep(stocked.record, lease_s)
            self._put_to(peers, replicas - here, stocked, lease_s, done)

        self._asks.walk(stocked.address, replicas, found)

    def _replicas(self, stocked: Stocked) -> int:
        """Of how many closest peers those who hold it take care."""
        settings = self._settings
        large = stocked.lease and len(stocked.record) >= LARGE_BYTES
        return min(settings.replicas, settings.large_replicas) if large else settings.replicas

    def _left_s(self, stocked: Stocked) -> int:
        """Whole seconds that are left of a lease; 0 for what carries its own expiry."""
        return int(stocked.until_s - self._around.wall_s()) if stocked.lease else 0

    # -- newcomers -----------------------------------------------------------------------------------------------------

    def _arrived(self, arrived: Arrived) -> None:
        now_s = self.now_s()
        sequence, at_s = self._handed.get(arrived.peer, (0, 0.0))
        if sequence == arrived.sequence and now_s - at_s < HANDED_S:
            return
        if arrived.peer not in self._newcomers and len(self._newcomers) >= NEWCOMERS:
            self._counts["dropped"] += 1
            return
        self._newcomers[arrived.peer] = arrived
        self._handed[arrived.peer] = (arrived.sequence, now_s)
        self._handed.move_to_end(arrived.peer)
        if len(self._handed) > HANDED:
            self._handed.popitem(last=False)
        if len(self._newcomers) == 1:
            self.after(SETTLE_S, "hand")

    def _hand_next(self) -> None:
        """One newcomer after the other: what is in its region, and ours to give."""
        if "hand" in self._courses or not self._newcomers:
            return
        peer, arrived = self._newcomers.popitem(last=False)
        newcomer = Known(peer, arrived.record)
        around = [one.id for one in self._asks.roster.closest(peer, 4 * K)]
        others = [self._own_id, *(one for one in around if one != peer)]
        bits = shared_region_bits(peer, others, self._settings.replicas)

        def done() -> None:
            self._courses.pop("hand").stop()
            self._hand_next()

        def give(stocked: Stocked, worked: Worked) -> None:
            lease_s = self._left_s(stocked)
            if (stocked.lease and lease_s < 1) or not hands_over(
                stocked.address, self._own_id, peer, around, self._replicas(stocked), GIVERS
            ):
                worked(True)
                return

            def given(answered: int) -> None:
                self._counts["handed"] += answered
                if answered or "hand" not in self._courses or self._courses["hand"] is not course:
                    worked(True)
                else:
                    self._handed.pop(peer, None)  # it is gone again
                    done()

            self._put_to([newcomer], 1, stocked, lease_s, given)

        course = Course(self, self._asks, self._pace, _STORE, give, done, scan=Scan(None, peer, bits))
        self._courses["hand"] = course
        course.step()

    # -- repair --------------------------------------------------------------------------------------------------------

    def _repair(self, repair: Repair) -> None:
        if len(self._repairs) >= REPAIRS:
            self._counts["dropped"] += 1
            return
        self._repairs.append(repair)
        self._repair_next()

    def _repair_next(self) -> None:
        while self._repairs and self._repairing < REPAIRING:
            repair = self._repairs.popleft()
            self._repairing += 1

            def done(answered: int) -> None:
                self._repairing -= 1
                self._counts["repaired"] += answered
                self._repair_next()

            peers = [Known(peer, record) for peer, record in repair.peers[: self._settings.replicas]]
            stocked = Stocked(bytes(32), repair.record, 0, lease=False, recent=False)
            self._put_to(peers, len(peers), stocked, repair.lease_s, done)

    # -- putting -------------------------------------------------------------------------------------------------------

    def _put_to(
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
                if isinstance(error, IpcError):
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
