"""A tuning run: search, measure what was found again in fresh nodes, and say so.

report = tune(Options(workload=Workload(get_share=1.0)), tell=print)
report.recommended.toml()
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ..config.node import cpu_count
from ..errors import ConfigError
from .errors import NotMeasured
from .gain import Gain
from .meter import FORESEEN, GOALS, Meter, failed, middle, usual_makers
from .moves import moves
from .observed import Observation
from .outlook import outlook
from .placed import SINGLE, Placed
from .report import Checked, Report, RowOf, TriedRow, relative_to
from .search import Budget, Found, Look, Tried, Try, search
from .workload import Workload

CHECK_SHARE: Final = 0.25
"""Of the budget, kept for the comparison of what was found with `single` in fresh nodes."""

MAKERS_MAX: Final = 64
"""Load makers: more have fewer links than are worth a process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run is to do."""

    workload: Workload = field(default_factory=Workload)
    budget: Budget = field(default_factory=Budget)
    start: Placed = SINGLE
    """Where the search begins."""
    makers: int = 0
    """Load makers, each a process; 0: half of the cores."""
    goal: str = "throughput"
    """What counts: one of `meter.GOALS`."""
    directory: str | None = None
    """Where nodes under test keep their data: on the disk that is meant."""

    def check(self) -> None:
        """Raises ConfigError with all faults at once."""
        faults = self.workload.faults()
        if not 5 <= self.budget.seconds <= 86_400:
            faults.append(("budget", f"{self.budget.seconds:g} s", "5 seconds to a day"))
        if not 0.1 <= self.budget.turn_s <= 600:
            faults.append(("turn", f"{self.budget.turn_s:g} s", "0.1 to 600 seconds"))
        if not 5 <= self.budget.turns <= 1000:
            faults.append(("turns", repr(self.budget.turns), "5 to 1,000: fewer tell no gain from noise"))
        if not 0 <= self.makers <= MAKERS_MAX:
            faults.append(("makers", repr(self.makers), f"1 to {MAKERS_MAX}, or 0 for half of the cores"))
        if self.goal not in GOALS:
            faults.append(("goal", repr(self.goal), f"one of {', '.join(GOALS)}"))
        faults += [("services", str(self.start), wrong) for wrong in self.start.faults(self.workload.store)]
        if faults:
            raise ConfigError(faults)


def tune(options: Options, tell: Callable[[str], None]) -> Report:
    """Search for the best placement; blocks for about `budget.seconds`. `tell` is given lines for people.

    Raises ConfigError, NotMeasured (not even the start could be), MakerFailed, and OSError.
    """
    options.check()
    began_s = time.monotonic()
    until_s = began_s + options.budget.seconds * (1 - CHECK_SHARE)
    with Meter(
        options.workload,
        options.budget,
        makers=options.makers or usual_makers(),
        directory=options.directory,
        goal=options.goal,
    ) as meter:
        tell(f"load: {options.workload}; {meter.makers} load maker(s); {cpu_count()} cores; goal: {options.goal}")
        found = _searched(options, meter, tell, lambda: time.monotonic() > until_s)
        checked = _checked(found.best, meter, tell)
        return _report(options, meter, found, checked, time.monotonic() - began_s)


def _searched(options: Options, meter: Meter, tell: Callable[[str], None], out_of_time: Callable[[], bool]) -> Found:
    waits = options.workload.waits_for_disk
    course = search(
        options.start,
        lambda placed, seen: moves(placed, seen, store=options.workload.store, waits_for_disk=waits),
        out_of_time,
    )
    step = next(course)
    try:
        while True:
            step = course.send(_look(step, meter, tell, waits) if isinstance(step, Look) else _try(step, meter, tell))
    except StopIteration as stop:
        found: Found = stop.value
        tell(f"search ended: {found.ended}")
        return found


def _look(step: Look, meter: Meter, tell: Callable[[str], None], waits: bool) -> Observation:
    meter.keep(step.placed)
    try:
        seen = meter.look(step.placed)
    except FORESEEN as error:
        raise NotMeasured(str(step.placed), failed(error)) from error
    tell(
        f"{step.placed}: {seen.per_s:,.0f}/s, p99 {seen.p99_s * 1e3:.2f} ms, {seen.node_cores:.2f} cores, load makers "
        f"{sum(seen.makers_cores):.2f}; limit: {seen.limit(waits).value}, busiest: {seen.bottleneck(waits)}"
    )
    return seen


def _try(step: Try, meter: Meter, tell: Callable[[str], None]) -> Gain | str:
    meter.keep(step.placed)
    try:
        gain = meter.compare(step.placed, step.move.placed)
    except FORESEEN as error:
        tell(f"  {step.move.placed}: {failed(error)}")
        return failed(error)
    verdict = "helps" if gain.better else "does not help"
    tell(f"  {step.move.placed}: {gain} in {gain.pairs} turns, {verdict} ({step.move.why})")
    return gain


def _checked(best: Placed, meter: Meter, tell: Callable[[str], None]) -> Checked:
    """Against `single`, in nodes that were not measured before."""
    if best == SINGLE:
        return Checked(None, "single itself was found")
    meter.leave_all()
    try:
        gain = meter.compare(SINGLE, best, thorough=True)
    except FORESEEN as error:
        return Checked(None, failed(error))
    tell(f"measured again, {best} against single: {gain} in {gain.pairs} turns")
    return Checked(gain, "")


def _report(options: Options, meter: Meter, found: Found, checked: Checked, took_s: float) -> Report:
    waits = options.workload.waits_for_disk
    holds = found.best == SINGLE or (checked.gain is not None and checked.gain.no_worse)
    recommended = found.best if holds else SINGLE
    seen = dict(found.looks).get(recommended) or middle(meter.seen[recommended])
    name = seen.bottleneck(waits)
    tried = tuple(_tried(one) for one in found.tried)
    relative = relative_to(options.start, tried)
    if checked.gain is not None:
        relative.setdefault(SINGLE, relative[found.best] / checked.gain.ratio)
    return Report(
        workload=options.workload,
        goal=options.goal,
        start=options.start,
        found=found.best,
        recommended=recommended,
        checked=checked,
        limit=seen.limit(waits),
        bottleneck=name,
        outlook=outlook(seen, name),
        first=found.looks[0][1],
        first_bottleneck=found.looks[0][1].bottleneck(waits),
        first_limit=found.looks[0][1].limit(waits),
        seen=seen,
        rows=tuple(
            RowOf.of(placed, relative[placed], meter.seen[placed]) for placed in relative if meter.seen.get(placed)
        ),
        tried=tried,
        ended=found.ended,
        cpus=cpu_count(),
        makers=meter.makers,
        took_s=took_s,
    )


def _tried(one: Tried) -> TriedRow:
    return TriedRow(one.before, one.move.placed, one.move.why, one.gain, one.failed)
