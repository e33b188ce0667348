"""What the next core would bring: a model of what was measured. Pure.

Two bounds, as in the utilization law of queueing networks (P. J. Denning and J. P. Buzen, The operational analysis of
queueing network models, Computing Surveys 10, 1978): no process answers more than when its thread is always busy, and
all of them together no more than the cores give, by the CPU time that a request costs. That time is the one measured of
the placement with more processes, where it was measured; else it is taken to stay as it is, which is the best that can
be hoped for. In no case does one core bring more than its share of the cores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..config import MANY
from .observed import Limit, Observation, ProcessSeen
from .placed import SINGLE, Placed

CPU_LIMITS = (Limit.SERVICE, Limit.MACHINE, Limit.OTHERS)
"""Where a core can help at all."""


@dataclass(frozen=True, slots=True)
class More:
    """The same placement with more processes of the bottleneck, as it was measured on the cores that there are."""

    placed: str
    cpu_us: float
    """CPU time of the node a request."""
    here: float | None
    """How many times as good as where the node is, by the turns; None: it was not compared."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Requests a second by the model."""

    service: str
    processes: int
    """Of that service, with the next core; 0: everything is left where it is."""
    now_per_s: float
    """As measured."""
    next_per_s: float
    cpu_us: float
    """CPU time of the node a request, on which the model rests."""
    measured: bool
    """Whether that time was measured of the placement that is meant, or is that of the present one."""
    idle_cores: float = 0.0
    more: More | None = None

    @property
    def factor(self) -> float:
        """How many times what is measured now."""
        return self.next_per_s / self.now_per_s if self.now_per_s else 1.0


def outlook(
    seen: Observation,
    bottleneck: str,
    waits_for_disk: bool = False,
    *,
    placed: Placed = SINGLE,
    measured: Mapping[Placed, Observation] | None = None,
    relative: Mapping[Placed, float] | None = None,
) -> Outlook:
    """With one core more, and more processes of the bottleneck where there can be several and that brings more.

    `seen` is of `placed`; `measured` and `relative` are what is known of others: an observation, and how many times as
    good as the start they are.
    """
    name = "links" if bottleneck == "local" else bottleneck
    now, idle = seen.per_s, max(0.0, seen.cpus - seen.machine_cores)
    if not now:
        return Outlook(name, 0, 0.0, 0.0, 0.0, True, idle)
    candidates = _candidates(seen, name, placed)
    known = {count: one for count, there in candidates.items() if (one := (measured or {}).get(there)) and one.per_s}
    more = _more(placed, candidates, known, relative or {})
    best = Outlook(name, 0, now, now, seen.cpu_us, True, idle, more)
    if seen.limit(waits_for_disk) not in CPU_LIMITS:
        return best
    most = now * (seen.cpus + 1) / seen.cpus

    def reached(count: int, base: Observation, busiest: float, measured: bool) -> Outlook:
        bound = min(most, max(now, _bound(base, busiest)))
        return Outlook(name, count, now, bound, base.cpu_us, measured, idle, more)

    found = [reached(0, seen, seen.busiest.cores, True)]
    for count in known or candidates:
        if (other := known.get(count)) is not None:
            found.append(reached(count, other, other.busiest.cores, True))
        else:
            found.append(reached(count, seen, _busiest_with(seen, name, count), False))
    return max(found, key=lambda one: (round(one.factor, 2), -one.processes))


def _candidates(seen: Observation, name: str, placed: Placed) -> dict[int, Placed]:
    """Placements with more processes of it, by their number."""
    having = [one for one in seen.processes if name in one.services]
    if name not in MANY or not having:
        return {}
    names = ("links", "local") if name == "links" else (name,)
    group = "@links" if name == "links" else ""
    return {
        count: placed.but(dict.fromkeys(names, f"process:{count}{group}" if count > 1 else f"process{group}"))
        for count in _counts(having, placed.at(name).spawner == "process")
    }


def _counts(having: list[ProcessSeen], apart: bool) -> tuple[int, ...]:
    """One process more. Where it shares one with others, that is its first, or two if those others need little."""
    together = {"links", "local"}
    if len(having) == 1 and not apart:
        others = set(having[0].services) - together
        return (1, 2) if len(others) > (0 if "links" in having[0].services else 1) else (2,)
    return (len(having) + 1,)


def _more(
    placed: Placed, candidates: Mapping[int, Placed], known: Mapping[int, Observation], relative: Mapping[Placed, float]
) -> More | None:
    if not known:
        return None
    count = max(known)
    there, base = relative.get(candidates[count]), relative.get(placed)
    here = there / base if there is not None and base else None
    return More(str(candidates[count]), known[count].cpu_us, here)


def _busiest_with(seen: Observation, name: str, count: int) -> float:
    """Cores of the busiest process, were that service's work shared out to so many of its own."""
    names = ("links", "local") if name == "links" else (name,)
    having = [one for one in seen.processes if name in one.services]
    used = sum(one.cores for one in seen.services if one.name in names)
    each = min(used / len(having), max(one.cores for one in having))
    rest = [one.cores - (each if name in one.services else 0.0) for one in seen.processes]
    return max(*rest, each * len(having) / count)


def _bound(seen: Observation, busiest: float) -> float:
    """Requests a second at most with one core more: no thread over one core, all of them within the machine."""
    by_thread = seen.per_s / busiest if busiest > 0 else float("inf")
    together = seen.node_cores + sum(seen.makers_cores)
    by_machine = seen.per_s * (seen.cpus + 1) / together if together > 0 else float("inf")
    return min(by_thread, by_machine)
