"""Which CPUs each process of a node should have. Pure.

A process of a node is one busy thread, so it gets one core, whole: with its hyperthreads, which its helpers (the sync
of a disk) use, and which would otherwise slow it down for somebody else. The busiest come first, in the order of cores
and so in one package as far as it goes: they share its cache, and the pages of the store that they read. What works in
the background takes the last core, and is nicer than the others. With fewer cores than processes, they take turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .topology import Core

BACKGROUND: Final = frozenset({"published", "upkeep", "files"})
"""Services for which nobody waits, or whose users wait for a disk and a network anyway."""

BACKGROUND_NICE: Final = 5
"""A third of the CPU of a usual process where both want it (sched(7): a factor of 1.25 a step)."""


@dataclass(frozen=True, slots=True)
class NodeProcess:
    """A process of a node, with the services on it and the CPU seconds that it has used."""

    pid: int
    services: tuple[str, ...]
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Pin:
    """Where one process is to run. `nice` None: as it is."""

    pid: int
    services: tuple[str, ...]
    cpus: tuple[int, ...]
    nice: int | None


def plan(processes: Sequence[NodeProcess], cores: Sequence[Core]) -> list[Pin]:
    """One pin a process, the busiest first. Raises ValueError without cores."""
    if not cores:
        raise ValueError("no core to pin to")
    busy = sorted((one for one in processes if not _background(one)), key=lambda one: (-one.cpu_s, one.pid))
    quiet = sorted((one for one in processes if _background(one)), key=lambda one: one.pid)
    free = list(cores)
    kept = free.pop() if quiet and len(free) > 1 else None
    pins = [Pin(one.pid, one.services, free[at % len(free)].cpus, None) for at, one in enumerate(busy)]
    last = (kept or free[-1]).cpus
    return pins + [Pin(one.pid, one.services, last, BACKGROUND_NICE) for one in quiet]


def _background(one: NodeProcess) -> bool:
    return bool(one.services) and set(one.services) <= BACKGROUND
