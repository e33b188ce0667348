"""What one measurement of a node saw, and where its bottleneck was. Pure.

A process is a thread of Python with helpers, so one that uses `FULL` of a core is at its end. Of a process with one
service the CPU time is that service's. Of one with several, each has the time in its calls, and the links have the
rest: reading sockets, TLS and the event loop itself, which are no calls.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final

FULL: Final = 0.85
"""Of a core: a thread that uses more has next to no time to wait, so it holds the others up."""

MACHINE_FULL: Final = 0.92
"""Of all cores, whoever uses them."""


class Limit(Enum):
    """What kept the node from more."""

    SERVICE = "a process of the node"
    """One of its processes uses a whole core."""
    MACHINE = "the machine"
    """All cores are used, by node, load makers and others: more processes only cost more."""
    OTHERS = "other programs on the machine"
    """They use most of its cores, and leave the node less than it could take: measure again when they rest."""
    MAKERS = "the load makers"
    """They ask no faster: the node has not been at its end, so this says little about placements."""
    DISK = "the disk"
    """Nothing is at its end, and puts wait until they are synced."""
    LATENCY = "the round trip"
    """Nothing is at its end: more in flight would bring more."""


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """One service in one measurement."""

    name: str
    placement: str
    cores: float
    """CPU seconds a second, all its shards together."""
    calls_per_s: float = 0.0
    queued: int = 0
    p99_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ProcessSeen:
    """One process of the node."""

    pid: int
    services: tuple[str, ...]
    cores: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Observation:
    """One measurement, of `wall_s` seconds. Latencies are of answered requests, as a load maker sees them."""

    wall_s: float
    gets: int
    puts: int
    failed: int
    p50_s: float
    p99_s: float
    processes: tuple[ProcessSeen, ...]
    services: tuple[ServiceSeen, ...]
    makers_cores: tuple[float, ...]
    """Of each load maker."""
    machine_cores: float
    """Of everything on the machine, others included."""
    cpus: int
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def per_s(self) -> float:
        """Requests a second that were answered as they should."""
        return (self.gets + self.puts) / self.wall_s

    @property
    def node_cores(self) -> float:
        """CPU seconds a second of all processes of the node."""
        return sum(one.cores for one in self.processes)

    @property
    def cpu_us(self) -> float:
        """CPU microseconds of the node a request."""
        return self.node_cores / self.per_s * 1e6 if self.per_s else 0.0

    @property
    def rss_bytes(self) -> int:
        """Resident memory of all processes of the node; pages that they share count for each."""
        return sum(one.rss_bytes for one in self.processes)

    @property
    def busiest(self) -> ProcessSeen:
        """The process nearest to its end."""
        return max(self.processes, key=lambda one: one.cores)

    def service(self, name: str) -> ServiceSeen | None:
        """One service, if it is there."""
        return next((one for one in self.services if one.name == name), None)

    def by_load(self, process: ProcessSeen | None = None) -> list[ServiceSeen]:
        """Services, the busiest first; of one process where it is named."""
        names = None if process is None else process.services
        chosen = [one for one in self.services if names is None or one.name in names]
        return sorted(chosen, key=lambda one: -one.cores)

    def limit(self, waits_for_disk: bool) -> Limit:
        """What kept it from more. `waits_for_disk`: some requests are answered only once they are synced."""
        if self.busiest.cores >= FULL:
            return Limit.SERVICE
        full = self.machine_cores >= MACHINE_FULL * self.cpus
        ours = 2 * (self.node_cores + sum(self.makers_cores)) >= self.machine_cores
        if full and ours:
            return Limit.MACHINE
        if self.makers_cores and max(self.makers_cores) >= FULL:
            return Limit.MAKERS
        if waits_for_disk:
            return Limit.DISK
        return Limit.OTHERS if full else Limit.LATENCY

    def bottleneck(self, waits_for_disk: bool) -> str:
        """The service that more, or other, places could help most."""
        limit = self.limit(waits_for_disk)
        if limit is Limit.DISK and self.service("store") is not None:
            return "store"
        ranked = self.by_load(self.busiest)
        return ranked[0].name if ranked else "links"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, and the numbers that follow from them."""
        derived = {"per_s": self.per_s, "cpu_us": self.cpu_us, "rss_bytes": self.rss_bytes}
        return {**asdict(self), **derived, "node_cores": self.node_cores}


@dataclass(frozen=True, slots=True)
class Row:
    """One service in totals, as the node gives them (`ServiceRow`)."""

    name: str
    placement: str
    pids: tuple[int, ...]
    calls: int
    busy_s: float
    queued: int
    p99_s: float


def services_seen(
    before: dict[str, Row], after: dict[str, Row], cpu_s: dict[int, float], wall_s: float
) -> tuple[ServiceSeen, ...]:
    """What each service did between two looks. `cpu_s`: CPU seconds of each process meanwhile."""
    there: dict[int, list[str]] = {}
    for row in after.values():
        for pid in row.pids:
            there.setdefault(pid, []).append(row.name)
    used = dict.fromkeys(after, 0.0)
    for pid, names in there.items():
        spent = cpu_s.get(pid, 0.0)
        calls = {name: _since(before, after, name) / max(1, len(after[name].pids)) for name in names}
        in_calls = sum(calls.values())
        scale = min(1.0, spent / in_calls) if in_calls else 0.0  # time in calls is of a clock that runs while others do
        rest = "links" if "links" in names else max(names, key=lambda name: calls[name])
        for name in names:
            used[name] += calls[name] * scale
        used[rest] += max(0.0, spent - in_calls)
    return tuple(
        ServiceSeen(
            name=name,
            placement=row.placement,
            cores=used[name] / wall_s,
            calls_per_s=max(0, row.calls - (before[name].calls if name in before else 0)) / wall_s,
            queued=row.queued,
            p99_s=row.p99_s,
        )
        for name, row in after.items()
    )


def processes_seen(
    rows: dict[str, Row], cpu_s: dict[int, float], rss: dict[int, int], wall_s: float
) -> tuple[ProcessSeen, ...]:
    """Each process of the node, with the services on it; helpers without services too."""
    return tuple(
        ProcessSeen(pid, tuple(row.name for row in rows.values() if pid in row.pids), spent / wall_s, rss.get(pid, 0))
        for pid, spent in sorted(cpu_s.items())
    )


def _since(before: dict[str, Row], after: dict[str, Row], name: str) -> float:
    return max(0.0, after[name].busy_s - (before[name].busy_s if name in before else 0.0))
