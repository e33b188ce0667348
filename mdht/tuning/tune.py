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
from .report import Checked, Report, RowOf, TriedRow, contradictory, relative_to
from .search import Budget, Found, Look, Tried, Try, search
from .spending import LOOKS, Spending, least_s
from .workload import Workload

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
    report_s: float = 0.0
    """Seconds of the budget that are kept for what the caller does with the report, such as charts."""

    def check(self) -> None:
        """Raises ConfigError with all faults at once."""
        faults = self.workload.faults()
        least = least_s(min(max(self.budget.turn_s, 0.1), 600)) + self.report_s
        if not least <= self.budget.seconds <= 86_400:
            right = f"{least:.0f} seconds to a day: with turns of {self.budget.turn_s:g} s less is no comparison"
            faults.append(("budget", f"{self.budget.seconds:g} s", right))
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
    """Search for the best placement; blocks for `budget.seconds` at the most, starts, checks and ends included, and
    longer only by what a single start or measurement takes longer than those before. `tell` is given lines for people.

    Raises ConfigError, NotMeasured (not even the start could be), MakerFailed, and OSError.
    """
    options.check()
    spending = Spending(options.budget.seconds - options.report_s, options.budget.turn_s, time.monotonic)
    with Meter(
        options.workload,
        options.budget,
        makers=options.makers or usual_makers(),
        directory=options.directory,
        goal=options.goal,
        spending=spending,
    ) as meter:
        tell(f"load: {options.workload}; {meter.makers} load maker(s); {cpu_count()} cores; goal: {options.goal}")
        nodes = 2 if options.workload.puts else 1  # with puts, both begin empty

        def out_of_time() -> bool:
            return not spending.has_comparison(nodes, first=not meter.compared)

        found = _searched(options, meter, tell, out_of_time)
        checked = _checked(found.best, meter, tell)
        meter.leave_all()
        return _report(options, meter, found, checked, spending.took_s)


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
    known = meter.seen.get(step.placed, ())
    try:
        seen = middle(known) if len(known) >= LOOKS else meter.look(step.placed)
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
        gain = meter.compare(step.placed, step.move.placed, again=step.again)
    except FORESEEN as error:
        tell(f"  {step.move.placed}: {failed(error)}")
        return failed(error)
    tell(f"  {step.move.placed}: {gain} in {gain.pairs} turns, {gain.verdict} ({step.move.why})")
    return gain


def _checked(best: Placed, meter: Meter, tell: Callable[[str], None]) -> Checked:
    """Against `single`, in nodes that were not measured before."""
    if best == SINGLE:
        return Checked(None, "single itself was found")
    if not meter.spending.has_check():
        return Checked(None, f"no time was left: {meter.spending.costs}")
    meter.leave_all()
    try:
        gain = meter.compare(SINGLE, best, last=True)
    except FORESEEN as error:
        return Checked(None, failed(error))
    tell(f"measured again, {best} against single: {gain} in {gain.pairs} turns")
    return Checked(gain, "")


def _report(options: Options, meter: Meter, found: Found, checked: Checked, took_s: float) -> Report:
    waits = options.workload.waits_for_disk
    holds = found.best == SINGLE or (checked.gain is not None and checked.gain.no_worse)
    holds |= checked.gain is None and not meter.seen.get(SINGLE)  # of single nothing is known then
    recommended = found.best if holds else SINGLE
    seen = dict(found.looks).get(recommended) or middle(meter.seen[recommended])
    name = seen.bottleneck(waits)
    tried = tuple(_tried(one) for one in found.tried)
    relative = relative_to(options.start, tried)
    unsure = {row.after for row in tried if row.gain is not None and row.gain.undecided}
    if not holds or contradictory(options.start, tried):  # then what led there does not hold, either
        unsure |= relative.keys() - {options.start}
    if checked.gain is not None:
        relative.setdefault(SINGLE, relative[found.best] / checked.gain.ratio)
    known = {placed: middle(several) for placed, several in meter.seen.items()}
    return Report(
        workload=options.workload,
        goal=options.goal,
        start=options.start,
        found=found.best,
        recommended=recommended,
        checked=checked,
        limit=seen.limit(waits),
        bottleneck=name,
        outlook=outlook(seen, name, waits, placed=recommended, measured=known, relative=relative),
        first=found.looks[0][1],
        first_bottleneck=found.looks[0][1].bottleneck(waits),
        first_limit=found.looks[0][1].limit(waits),
        seen=seen,
        rows=tuple(
            RowOf.of(placed, relative[placed], meter.seen[placed], undecided=placed in unsure)
            for placed in relative
            if meter.seen.get(placed)
        ),
        tried=tried,
        ended=found.ended if meter.compared else f"{found.ended} before the first comparison: {meter.spending.costs}",
        cpus=cpu_count(),
        makers=meter.makers,
        took_s=took_s,
    )


def _tried(one: Tried) -> TriedRow:
    return TriedRow(one.before, one.move.placed, one.move.why, one.gain, one.failed)
