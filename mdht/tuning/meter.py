"""Measures nodes under test: one by itself, or two in turns.

Two are measured in the order a b, b a, a b, …, so that neither always comes first, with both nodes up all the time; the
one that does not have its turn has nothing to do.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from ipc import IpcError

from ..config.node import cpu_count
from ..errors import MdhtError
from . import processes
from .errors import NotMeasured
from .gain import LEAST_PAIRS, Gain, gain_of
from .makers import Asked, Makers
from .observed import Observation, Row, processes_seen, services_seen
from .placed import SINGLE, Placed
from .search import Budget
from .spending import LOOKS, Spending
from .subject import NETWORK, Subject
from .workload import Workload

WARM_S: Final = 0.5
"""Seconds of load before a node is measured: its caches fill, and its interpreter specialises what runs often."""

LAST_TIMES: Final = 3
"""As many turns as otherwise the last comparison may have, where there is time: nothing else is left to be measured."""

FAILED_MAX: Final = 0.01
"""Of requests: with more that fail, how fast the others are means nothing."""

GOALS: Final = ("throughput", "p99", "cpu")
"""Requests a second; the time that 99 of 100 are answered in; CPU time a request."""


class Meter:
    """`with Meter(workload, budget, makers=…) as meter`. For one thread; what it starts ends with it."""

    def __init__(
        self,
        workload: Workload,
        budget: Budget,
        *,
        makers: int,
        directory: str | None = None,
        goal: str = "throughput",
        spending: Spending | None = None,
    ) -> None:
        """`spending`: what is left of the time; None: it begins now."""
        self.workload, self.budget, self.goal = workload, budget, goal
        self.spending = spending or Spending(budget.seconds, budget.turn_s, time.monotonic)
        self.seen: dict[Placed, list[Observation]] = {}
        """Every measurement of each placement."""
        self._pairs: dict[tuple[Placed, Placed], list[tuple[float, float]]] = {}
        self.compared = 0
        """Comparisons that were begun."""
        self._directory = directory
        self._makers = Makers(makers, workload)
        self._subjects: dict[Placed, Subject] = {}

    def __enter__(self) -> Self:
        self._makers.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.leave_all()
        finally:
            self._makers.__exit__(kind, error, trace)

    @property
    def makers(self) -> int:
        """How many load makers there are."""
        return len(self._makers)

    # -- measuring -----------------------------------------------------------------------------------------------------

    def look(self, placed: Placed) -> Observation:
        """One placement by itself: of `LOOKS` measurements the one in the middle.

        Raises NotMeasured, and what the start of a node raises.
        """
        subject = self._subject(placed)
        return middle([self._measure(subject) for _ in range(LOOKS)])

    def compare(self, before: Placed, after: Placed, *, again: bool = False, last: bool = False) -> Gain:
        """Both in turns, as many as it takes and time allows, one at the least. Raises as `look`.

        `again`: more turns of the same two, added to those before.
        `last`: nothing comes after it, so all turns are made, unless it is better before, and more where they leave it
        undecided.
        """
        self.compared += 1
        if self.workload.puts:
            self.leave_all()  # both begin empty: a store that holds more takes longer
        pairs = self._pairs.get((before, after), []) if again else []
        self._pairs[before, after] = pairs
        first, second = self._subject(before), self._subject(after)
        for turn in range(self.budget.turns * (LAST_TIMES if last else 1)):
            order = (first, second) if turn % 2 == 0 else (second, first)
            told = {one.placed: self._value(self._measure(one)) for one in order}
            pairs.append((told[before], told[after]))
            gain = gain_of(pairs, less=self.goal != "throughput")
            if last:
                enough = gain.better or (gain.settled and len(pairs) >= self.budget.turns)
            else:
                enough = gain.better or gain.settled or (gain.hopeless and not again)
            nothing_yet = (before == SINGLE or self.compared == 1) and len(pairs) < LEAST_PAIRS
            if enough or not self.spending.has_pair(check=not last and not nothing_yet):
                break
        return gain

    def keep(self, placed: Placed) -> None:
        """End all nodes but that one."""
        for other in [one for one in self._subjects if one != placed]:
            self._leave(other)

    def leave_all(self) -> None:
        """End all nodes under test."""
        for placed in list(self._subjects):
            self._leave(placed)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _subject(self, placed: Placed) -> Subject:
        if (known := self._subjects.get(placed)) is not None:
            return known
        began_s = time.monotonic()
        subject = self._subjects[placed] = Subject(placed, self.workload, self._directory)
        try:
            subject.__enter__()
            self._makers.open(subject.name, subject.address, NETWORK, self.spending.fill_s)
            self._makers.run(subject.name, WARM_S)
        except BaseException:
            self._subjects.pop(placed).close()
            raise
        self.spending.node_started(time.monotonic() - began_s)
        return subject

    def _leave(self, placed: Placed) -> None:
        began_s = time.monotonic()
        subject = self._subjects.pop(placed)
        try:
            self._makers.close(subject.name)
        finally:
            subject.close()
        self.spending.node_ended(time.monotonic() - began_s)

    def _measure(self, subject: Subject) -> Observation:
        started_s = time.monotonic()
        rows, pids = subject.rows(), subject.pids
        cpu, busy_s, began_s = processes.cpu_of(pids), processes.machine_busy_s(), time.monotonic()
        asked = self._makers.run(subject.name, self.budget.turn_s)
        wall_s = time.monotonic() - began_s
        spent = processes.spent(cpu, processes.cpu_of(subject.pids))
        busy_s = processes.machine_busy_s() - busy_s
        after = subject.rows()
        observation = self._observed(asked, wall_s, spent, busy_s, rows, after)
        self.spending.turn_took(time.monotonic() - started_s)
        self.seen.setdefault(subject.placed, []).append(observation)
        answered = observation.gets + observation.puts
        if observation.failed > FAILED_MAX * max(1, answered):
            reason = (
                f"{observation.failed:,} of {answered + observation.failed:,} requests failed: {observation.errors}"
            )
            raise NotMeasured(str(subject.placed), reason)
        return observation

    def _observed(
        self,
        asked: Asked,
        wall_s: float,
        spent: dict[int, float],
        busy_s: float,
        rows: dict[str, Row],
        after: dict[str, Row],
    ) -> Observation:
        return Observation(
            wall_s=asked.wall_s,
            gets=asked.gets,
            puts=asked.puts,
            failed=asked.failed,
            p50_s=asked.quantile(0.5),
            p99_s=asked.quantile(0.99),
            processes=processes_seen(after, spent, processes.rss_of(spent), wall_s),
            services=services_seen(rows, after, spent, wall_s),
            makers_cores=tuple(asked.cores),
            machine_cores=busy_s / wall_s,
            cpus=cpu_count(),
            errors=dict(asked.errors),
        )

    def _value(self, seen: Observation) -> float:
        """What the goal looks at, above 0."""
        value = {"throughput": seen.per_s, "p99": seen.p99_s, "cpu": seen.cpu_us}[self.goal]
        if value <= 0:
            raise NotMeasured("a placement", "nothing was answered")
        return value


def middle(seen: Sequence[Observation]) -> Observation:
    """That whose throughput is in the middle."""
    return sorted(seen, key=lambda one: one.per_s)[len(seen) // 2]


def usual_makers() -> int:
    """Half of the cores: the other half is for the node. On one or two cores there is one, and both share them."""
    return max(1, cpu_count() // 2)


def failed(error: BaseException) -> str:
    """Why a placement could not be measured, in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


FORESEEN: Final = (MdhtError, IpcError, OSError)
"""What a placement that does not work raises, rather than a fault of ours."""
