"""Observations as a node would give them."""

from __future__ import annotations

from mdht.tuning.observed import Observation, ProcessSeen, ServiceSeen


def observation(
    services: dict[str, tuple[str, float]],
    processes: dict[tuple[str, ...], float] | None = None,
    *,
    per_s: float = 10_000.0,
    makers: tuple[float, ...] = (0.3,),
    machine: float = 1.5,
    cpus: int = 4,
) -> Observation:
    """`services`: placement and cores of each; `processes`: cores of those with these services (one process: all)."""
    there = processes or {tuple(services): sum(cores for _, cores in services.values())}
    return Observation(
        wall_s=1.0,
        gets=int(per_s),
        puts=0,
        failed=0,
        p50_s=0.001,
        p99_s=0.005,
        processes=tuple(
            ProcessSeen(100 + at, names, cores, 64 << 20) for at, (names, cores) in enumerate(there.items())
        ),
        services=tuple(ServiceSeen(name, placement, cores) for name, (placement, cores) in services.items()),
        makers_cores=makers,
        machine_cores=machine,
        cpus=cpus,
    )
