"""What the next core would bring: a model, not a measurement. Pure.

Two bounds, as in the utilization law of queueing networks (P. J. Denning and J. P. Buzen, The operational analysis of
queueing network models, Computing Surveys 10, 1978): no process answers more than when its thread is always busy, and
all of them together no more than the cores give. The CPU time of a request is taken to stay as it is; in truth it
grows, as caches and memory are shared, so this is what can be hoped for at best.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..config import MANY
from .observed import Observation


@dataclass(frozen=True, slots=True)
class Outlook:
    """Requests a second by the model. `factor`: of what was measured."""

    service: str
    """The one that is given another process."""
    splits: bool
    """Whether it can be; else the core helps only where cores were short."""
    now_per_s: float
    next_per_s: float

    @property
    def factor(self) -> float:
        """How many times what there is now."""
        return self.next_per_s / self.now_per_s if self.now_per_s else 1.0


def outlook(seen: Observation, bottleneck: str) -> Outlook:
    """With one core more, and one process more of the bottleneck where there can be several."""
    if not seen.per_s:
        return Outlook(bottleneck, False, 0.0, 0.0)
    now = _bound(seen, [one.cores for one in seen.processes], seen.cpus)
    name = "links" if bottleneck == "local" else bottleneck
    splits = name in MANY
    loads = [one.cores for one in seen.processes]
    if splits:
        having = [one for one in seen.processes if name in one.services]
        share = sum(_share(seen, name, len(having)) for _ in having)
        rest = [
            one.cores - (_share(seen, name, len(having)) if name in one.services else 0.0) for one in seen.processes
        ]
        if len(having) == 1 and len(having[0].services) > 1:  # it leaves the process that it shared
            loads = [*rest, share]
        else:
            count = len(having) + 1
            kept = [share / count if name in one.services else 0.0 for one in seen.processes]
            loads = [*(one + own for one, own in zip(rest, kept, strict=True)), share / count]
    return Outlook(name, splits, now, max(now, _bound(seen, loads, seen.cpus + 1)))


def _share(seen: Observation, name: str, among: int) -> float:
    names = ("links", "local") if name == "links" else (name,)
    used = sum(one.cores for one in seen.services if one.name in names)
    return min(used / max(1, among), max(one.cores for one in seen.processes if name in one.services))


def _bound(seen: Observation, loads: list[float], cpus: int) -> float:
    """Requests a second at most: no thread over one core, and node and load makers within the machine."""
    busiest = max(loads, default=0.0)
    by_thread = seen.per_s / busiest if busiest > 0 else seen.per_s
    together = sum(loads) + sum(seen.makers_cores)
    by_machine = seen.per_s * cpus / together if together > 0 else by_thread
    return max(seen.per_s, min(by_thread, by_machine))
