"""This machine's CPUs as the kernel shows them: packages, cores, and the hyperthreads of a core.

Linux tells in /sys/devices/system/cpu/cpuN/topology (Documentation/admin-guide/cputopology.rst). Elsewhere every CPU
counts as a core of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Core:
    """One core. `cpus` are the numbers of its hyperthreads; CPUs of one package share its last cache."""

    package: int
    number: int
    cpus: tuple[int, ...]


def allowed_cpus() -> tuple[int, ...]:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def read_cores(allowed: Iterable[int], root: Path = ROOT) -> tuple[Core, ...]:
    """The cores of those CPUs, by package and number; hyperthreads that are not allowed are left out."""
    found: dict[tuple[int, int], list[int]] = {}
    for cpu in sorted(set(allowed)):
        where = root / f"cpu{cpu}" / "topology"
        key = (_number(where / "physical_package_id", 0), _number(where / "core_id", cpu))
        found.setdefault(key, []).append(cpu)
    return tuple(Core(package, number, tuple(cpus)) for (package, number), cpus in sorted(found.items()))


def _number(path: Path, otherwise: int) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return otherwise
