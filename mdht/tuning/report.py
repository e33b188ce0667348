"""What came of a tuning run, in numbers and in words. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from .gain import HARMLESS, Gain
from .observed import Limit, Observation
from .outlook import Outlook
from .placed import SINGLE, Placed
from .workload import Workload

FORMAT: Final = "mdht tune 1"
"""Of saved reports."""

OTHERS: Final = 0.25
"""Of the machine: where other programs take more, they decide what comes out, and not the placement."""

HEADERS: Final = (
    "Placement",
    "× start",
    "Requests/s",
    "p50 ms",
    "p99 ms",
    "Node cores",
    "CPU µs each",
    "MiB",
    "Processes",
)


@dataclass(frozen=True, slots=True)
class RowOf:
    """One placement: medians of all its measurements, which a slow minute of the machine spoils.

    `relative` does not suffer from that: how many times better than the start, by the gains that were measured in turns
    on the way to it.
    """

    placed: Placed
    relative: float
    per_s: float
    p50_s: float
    p99_s: float
    cores: float
    cpu_us: float
    rss_bytes: int
    processes: int
    makers_cores: float
    measured: int
    undecided: bool = False
    """Whether it is not certain that it is better or worse than where it was compared."""

    @classmethod
    def of(cls, placed: Placed, relative: float, seen: Sequence[Observation], *, undecided: bool = False) -> RowOf:
        """Of at least one measurement."""
        median = statistics.median
        return cls(
            placed=placed,
            relative=relative,
            per_s=median(one.per_s for one in seen),
            p50_s=median(one.p50_s for one in seen),
            p99_s=median(one.p99_s for one in seen),
            cores=median(one.node_cores for one in seen),
            cpu_us=median(one.cpu_us for one in seen),
            rss_bytes=int(median(one.rss_bytes for one in seen)),
            processes=placed.processes(),
            makers_cores=median(sum(one.makers_cores) for one in seen),
            measured=len(seen),
            undecided=undecided,
        )

    def cells(self) -> tuple[str, ...]:
        """As text, below `HEADERS`."""
        return (
            str(self.placed),
            f"{self.relative:.2f}{'?' if self.undecided else ''}",
            f"{self.per_s:,.0f}",
            f"{self.p50_s * 1e3:.2f}",
            f"{self.p99_s * 1e3:.2f}",
            f"{self.cores:.2f}",
            f"{self.cpu_us:.1f}",
            f"{self.rss_bytes / (1 << 20):.0f}",
            str(self.processes),
        )


@dataclass(frozen=True, slots=True)
class TriedRow:
    """One comparison of the search."""

    before: Placed
    after: Placed
    why: str
    gain: Gain | None
    failed: str

    def text(self) -> str:
        """In a line."""
        return f"{self.before} → {self.after}: {self.measured()} ({self.why})"

    def measured(self) -> str:
        """What was measured, and what that says."""
        return self.failed if self.gain is None else f"{self.gain} in {self.gain.pairs} turns, {self.gain.verdict}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, against `single`, in fresh nodes. Without a gain, why there is none."""

    gain: Gain | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """See the module. `seen` is of the recommended placement, `first` of where the search began."""

    workload: Workload
    goal: str
    start: Placed
    found: Placed
    recommended: Placed
    checked: Checked
    limit: Limit
    bottleneck: str
    outlook: Outlook
    first: Observation
    first_bottleneck: str
    first_limit: Limit
    seen: Observation
    rows: tuple[RowOf, ...]
    tried: tuple[TriedRow, ...]
    ended: str
    cpus: int
    makers: int
    took_s: float

    def why(self) -> list[str]:
        """Why this placement, in sentences."""
        first, seen = self.first, self.seen
        lines = [
            f"At {self.start} the limit was {self.first_limit.value}: {_described(first, self.first_bottleneck)}.",
        ]
        lines += [f"{row.before} → {row.after}: {row.gain}." for row in self.tried if row.gain and row.gain.better]
        if contradictory(self.start, self.tried):
            lines.append(
                "These contradict each other: the noise was larger than its intervals, so none of it is certain."
            )
        lines += self._not_helping()
        lines.append(f"The search ended because {self.ended}.")
        if self.checked.gain is not None:
            verdict = "it holds" if self.recommended == self.found else "it does not hold, so single is recommended"
            if self.checked.gain.undecided:
                verdict += f" ({self.checked.gain.verdict})"
            lines.append(f"Measured again in fresh nodes, {self.found} against single: {self.checked.gain}; {verdict}.")
        elif self.found != SINGLE:
            told = "is not certain" if self.recommended == self.found else "does not count: single is recommended"
            lines.append(f"It could not be measured again ({self.checked.reason}), so {self.found} {told}.")
        if self.recommended != self.start:
            lines.append(f"There the limit is {self.limit.value}: {_described(seen, self.bottleneck)}.")
        lines.append(self._next_core())
        makers = sum(seen.makers_cores)
        others = max(0.0, seen.machine_cores - makers - seen.node_cores)
        lines.append(
            f"Of {self.cpus} cores, {self.makers} load maker(s) took {makers:.2f} and other programs {others:.2f}: "
            "a node that has them to itself does more."
        )
        if others > OTHERS * self.cpus:
            lines.append("Other programs took so much that this says little: measure again when they rest.")
        return lines

    def _not_helping(self) -> list[str]:
        lines = []
        helped = any(row.gain and row.gain.better for row in self.tried)
        unsure = [row for row in self.tried if row.gain and row.gain.undecided]
        if not self.tried:
            lines.append("Nothing was compared, so it is undecided whether another placement does better.")
        elif not helped:
            told = f"None of {len(self.tried)} moves helped beyond the noise"
            lines.append(f"{told}; of {len(unsure)} that is undecided:" if unsure else f"{told}.")
        if unsure:
            lines += [f"{row.before} → {row.after}: {row.measured()}." for row in unsure]
            lines.append("A larger --budget, or a machine that does nothing else, may tell of those.")
        return lines

    def _next_core(self) -> str:
        model = self.outlook
        lines = []
        if model.more is not None and model.more.here is not None and model.more.here < HARMLESS:
            cost = f"{model.more.cpu_us:.1f} µs of CPU a request instead of {self.seen.cpu_us:.1f}"
            lines.append(
                f"{model.more.placed} did {model.more.here:.2f} times {self.recommended} here, at {cost}: "
                f"more processes cost more than they bring on {self.cpus} cores."
            )
        some = (
            f"{model.processes} processes of {model.service}"
            if model.processes > 1
            else f"a process for {model.service}"
        )
        how = some if model.processes else "everything where it is"
        if model.factor < 1.01:
            idle = f", and {model.idle_cores:.1f} of {self.cpus} cores are idle" if model.idle_cores >= 0.1 else ""
            lines.append(f"One more core would bring next to nothing: the limit is {self.limit.value}{idle}.")
            return " ".join(lines)
        base = "as measured of that placement" if model.measured else "as now; not measured of that placement"
        lines.append(
            f"One more core, with {how}, would bring at most {model.factor:.2f} times as much, "
            f"{model.next_per_s:,.0f} requests/s: a model, no measurement, on the base of {model.cpu_us:.1f} µs of CPU "
            f"a request ({base}) and of load makers on the same cores."
        )
        return " ".join(lines)

    def plain(self) -> dict[str, Any]:
        """Plain values, as they are saved."""
        return {
            "format": FORMAT,
            "workload": self.workload.as_dict(),
            "goal": self.goal,
            "cpus": self.cpus,
            "makers": self.makers,
            "took_s": round(self.took_s, 1),
            "start": str(self.start),
            "found": str(self.found),
            "recommended": str(self.recommended),
            "services": dict(self.recommended.services),
            "toml": self.recommended.toml(),
            "limit": self.limit.value,
            "bottleneck": self.bottleneck,
            "first_bottleneck": self.first_bottleneck,
            "first_limit": self.first_limit.value,
            "checked": {"gain": plain_gain(self.checked.gain), "reason": self.checked.reason},
            "outlook": {**asdict(self.outlook), "factor": self.outlook.factor, "is_a_model": True},
            "why": self.why(),
            "rows": [{**asdict(row), "placed": str(row.placed)} for row in self.rows],
            "tried": [
                {
                    "before": str(row.before),
                    "after": str(row.after),
                    "why": row.why,
                    "gain": plain_gain(row.gain),
                    "verdict": row.gain.verdict if row.gain else "",
                    "failed": row.failed,
                }
                for row in self.tried
            ],
            "seen": self.seen.as_dict(),
        }


def relative_to(start: Placed, tried: Sequence[TriedRow]) -> dict[Placed, float]:
    """How many times better than the start each placement is, by the gains on the way to it."""
    found = {start: 1.0}
    for row in tried:
        if row.gain is not None and row.before in found:
            found.setdefault(row.after, found[row.before] * row.gain.ratio)
    return found


def contradictory(start: Placed, tried: Sequence[TriedRow]) -> bool:
    """Whether a placement is better than another and worse, by the gains on the way: the noise looked like gains."""
    found = relative_to(start, tried)
    return any(row.gain and row.gain.better and found[row.after] <= found[row.before] for row in tried)


def plain_gain(gain: Gain | None) -> dict[str, Any] | None:
    """Plain values; a bound that there is not is None."""
    if gain is None:
        return None
    finite = {key: value if math.isfinite(value) else None for key, value in asdict(gain).items()}
    return {**finite, "better": gain.better}


def against(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two saved reports, in lines; both as `Report.plain` gives them."""
    lines = []
    if before.get("workload") != now["workload"]:
        lines.append("Another load was measured then, so the numbers do not compare.")
    if before.get("cpus") != now["cpus"]:
        lines.append(f"Then with {before.get('cpus')} cores, now with {now['cpus']}.")
    if before.get("recommended") == now["recommended"]:
        lines.append(f"The same is recommended: {now['recommended']}.")
    else:
        lines.append(f"Then {before.get('recommended')} was recommended, now {now['recommended']}.")
    then = {row["placed"]: row for row in before.get("rows", ())}
    for row in now["rows"]:
        if (old := then.get(row["placed"])) is None or not old["per_s"] or not old["cpu_us"]:
            continue
        rate, cpu = row["per_s"] / old["per_s"] - 1, row["cpu_us"] / old["cpu_us"] - 1
        lines.append(
            f"{row['placed']}: {old['per_s']:,.0f} → {row['per_s']:,.0f} requests/s ({rate:+.1%}), "
            f"CPU a request {cpu:+.1%}, p99 {old['p99_s'] * 1e3:.2f} → {row['p99_s'] * 1e3:.2f} ms"
        )
    return lines


def _described(seen: Observation, name: str) -> str:
    service = seen.service(name)
    busiest = seen.busiest
    own = f"{name} ({service.placement}) took {service.cores:.2f} cores" if service else name
    return (
        f"{own}, the busiest process {busiest.cores:.2f}, the node {seen.node_cores:.2f} of {seen.cpus}, "
        f"at {seen.per_s:,.0f} requests/s"
    )
