"""Which CPUs each process of a node should have. Pure.

A process of a node is one busy thread. One that uses much of a core gets one, whole: with its hyperthreads, which its
helpers (the sync of a disk) use, and which would otherwise slow it down for somebody else. The busiest come first, in
the order of cores and so in one package as far as it goes: they share its cache, and the pages of the store that they
read. The others share what is left, if they fit there by what they use; else fewer get a core of their own, and where
there is not enough for anybody, all share all: a scheduler does better than a pin that makes busy processes wait for
each other. What works in the background is nicer than the others in any case.
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

BUSY: Final = 0.25
"""Of a core: a process that uses less gains nothing from one of its own."""

ROOM: Final = 0.7
"""Of the cores that are shared: fuller, those on them wait for each other."""


@dataclass(frozen=True, slots=True)
class NodeProcess:
    """A process of a node, with the services on it, and the CPU that it uses, in cores, as measured."""

    pid: int
    services: tuple[str, ...]
    cores: float


@dataclass(frozen=True, slots=True)
class Pin:
    """Where one process is to run. `nice` None: as it is."""

    pid: int
    services: tuple[str, ...]
    cpus: tuple[int, ...]
    nice: int | None
    own: bool = False
    """Whether the core is for this process only."""
    cores: float = 0.0
    """What it used."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One pin a process, the busiest first, and why it is so."""

    pins: tuple[Pin, ...]
    reason: str

    @property
    def pinned(self) -> bool:
        """Whether anybody gets a core for itself."""
        return any(pin.own for pin in self.pins)


def plan(processes: Sequence[NodeProcess], cores: Sequence[Core]) -> Plan:
    """Raises ValueError without cores."""
    if not cores:
        raise ValueError("no core to pin to")
    ordered = sorted(processes, key=lambda one: (_background(one), -one.cores, one.pid))
    busy = sum(one.cores >= BUSY and not _background(one) for one in ordered)
    most = min(busy, len(cores))
    own = next((count for count in range(most, 0, -1) if _fits(ordered[count:], len(cores) - count)), 0)
    if len(ordered) <= 1:
        own = 0
    rest = cores[own:] if own < len(cores) else cores
    shared = tuple(sorted(cpu for core in rest for cpu in core.cpus))
    pins = [
        Pin(
            one.pid,
            one.services,
            cores[at].cpus if at < own else shared,
            BACKGROUND_NICE if _background(one) else None,
            at < own,
            one.cores,
        )
        for at, one in enumerate(ordered)
    ]
    return Plan(tuple(pins), _reason(ordered, busy, own, len(cores)))


def _fits(rest: Sequence[NodeProcess], left: int) -> bool:
    if not rest:
        return True
    return left > 0 and sum(one.cores for one in rest) <= ROOM * left


def _reason(ordered: Sequence[NodeProcess], busy: int, own: int, cores: int) -> str:
    if own:
        others = f"; the others share {cores - own}" if len(ordered) > own else ""
        return f"{own} of {busy} busy processes get a core of their own{others}"
    if len(ordered) <= 1:
        return "there is one process: it may use every core, with its helper threads"
    if not busy:
        return f"no process uses {BUSY:.0%} of a core, so a core of its own would bring none anything: look under load"
    used = sum(one.cores for one in ordered)
    return (
        f"{len(ordered)} processes that use {used:.2f} cores, {busy} of them busy, have {cores} core"
        f"{'s' if cores > 1 else ''}: a core for one would leave too little to the others, so all share all"
    )


def _background(one: NodeProcess) -> bool:
    return bool(one.services) and set(one.services) <= BACKGROUND
