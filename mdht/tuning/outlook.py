"""What the next core would bring: a model, not a measurement. Pure.

Two bounds, as in the utilization law of queueing networks (P. J. Denning and J. P. Buzen, The operational analysis of
queueing network models, Computing Surveys 10, 1978): no process answers more than when its thread is always busy, and
all of them together no more than the cores give. The CPU time of a request is taken to stay as it is; in truth it
grows, as caches and memory are shared, so this is what can be hoped for at best.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..config import MANY
from .observed import Observation, ProcessSeen


@dataclass(frozen=True, slots=True)
class Outlook:
    """Requests a second by the model."""

    service: str
    processes: int
    """Of that service, with the next core; 0: there can be one of it only, and it is left where it is."""
    now_per_s: float
    next_per_s: float

    @property
    def factor(self) -> float:
        """How many times what the model has for now."""
        return self.next_per_s / self.now_per_s if self.now_per_s else 1.0


def outlook(seen: Observation, bottleneck: str) -> Outlook:
    """With one core more, and more processes of the bottleneck where there can be several."""
    name = "links" if bottleneck == "local" else bottleneck
    if not seen.per_s:
        return Outlook(name, 0, 0.0, 0.0)
    loads = [one.cores for one in seen.processes]
    now = _bound(seen, loads, seen.cpus)
    having = [one for one in seen.processes if name in one.services]
    if name not in MANY or not having:
        return Outlook(name, 0, now, max(now, _bound(seen, loads, seen.cpus + 1)))
    own = [_share(seen, name, len(having)) if name in one.services else 0.0 for one in seen.processes]
    rest = [load - mine for load, mine in zip(loads, own, strict=True)]
    found = []
    for count in _counts(having):
        each = sum(own) / count
        found.append((_bound(seen, [*rest, *[each] * count], seen.cpus + 1), -count))
    best, count = max(found)
    return Outlook(name, -count, now, max(now, best))


def _counts(having: list[ProcessSeen]) -> tuple[int, ...]:
    """One process more. Where it shares one with others, that is its first, or two if those others need little."""
    together = {"links", "local"}
    if len(having) == 1 and len(set(having[0].services) - together) > (0 if "links" in having[0].services else 1):
        return (1, 2)
    return (len(having) + 1,)


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
