"""The medians of all turns of one system in one layout and mode, and how they compare."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from networks import System
from networks.turn import Run


@dataclass(frozen=True)
class Result:
    """Medians over the turns; `good` and `fewest` are of all turns together."""

    system: str
    layout: str
    mode: str
    per_s: float
    cpu_ms: float
    p50_ms: float | None
    p99_ms: float | None
    worst_ms: float
    wall_s: float
    good: float
    """Share of the puts that were acknowledged, or of the gets that brought what was put."""
    replicas: float | None
    fewest: int | None
    count: int
    """Operations of all turns."""
    turns: int
    errors: list[str]


def combine(system: str, layout: str, mode: str, runs: Sequence[Run]) -> Result:
    """The result of some turns."""
    count = sum(run.count for run in runs)
    return Result(
        system=system,
        layout=layout,
        mode=mode,
        per_s=statistics.median(run.per_s for run in runs),
        cpu_ms=statistics.median(run.cpu_s / max(1, run.count) for run in runs) * 1e3,
        p50_ms=_median_ms(run.p50_s for run in runs),
        p99_ms=_median_ms(run.p99_s for run in runs),
        worst_ms=max(run.worst_s for run in runs) * 1e3,
        wall_s=statistics.median(run.wall_s for run in runs),
        good=sum(run.good for run in runs) / max(1, count),
        replicas=_median([run.replicas for run in runs]),
        fewest=min((run.fewest for run in runs if run.fewest is not None), default=None),
        count=count,
        turns=len(runs),
        errors=sorted({f"{n}× {text}" for run in runs for text, n in run.errors}),
    )


@dataclass(frozen=True)
class Versus:
    """One cell of ours beside the same of a peer. Above 1 is ahead: rate ours over theirs, CPU theirs over ours."""

    ours: str
    peer: str
    layout: str
    mode: str
    rate: float
    cpu: float

    @property
    def verdict(self) -> str:
        """`ahead` in both, or where not."""
        behind = [name for name, ratio in (("rate", self.rate), ("CPU", self.cpu)) if ratio < 1]
        return f"behind in {' and '.join(behind)}" if behind else "ahead"


def versus(results: Sequence[Result], systems: Iterable[System]) -> list[Versus]:
    """Our content records beside the peers' values, our owned ones beside their signed ones."""
    known = {(one.system, one.layout, one.mode): one for one in results}
    systems = list(systems)
    rows = []
    for (name, layout, mode), ours in known.items():
        system = next(one for one in systems if one.name == name)
        if not system.ours:
            continue
        for peer in systems:
            theirs = known.get((peer.name, layout, mode))
            if theirs is None or peer.against != system.options["record"] or not theirs.per_s or not ours.cpu_ms:
                continue
            rate, cpu = ours.per_s / theirs.per_s, theirs.cpu_ms / ours.cpu_ms
            rows.append(Versus(name, peer.name, layout, mode, rate, cpu))
    return rows


def _median(values: list[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return statistics.median(known) if known else None


def _median_ms(seconds: Iterable[float | None]) -> float | None:
    median = _median(list(seconds))
    return None if median is None else median * 1e3
