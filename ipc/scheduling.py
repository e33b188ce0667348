"""Which processors a service's processes may use, and how they rank among others: CPU affinity and nice.

Applied in the process before its service comes to it, to every thread that it has then; later ones inherit. See
sched_setaffinity(2) and setpriority(2): on Linux both are settings of a thread, not of a process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

_NICEST, _RUDEST = 19, -20


@dataclass(frozen=True, slots=True)
class Scheduling:
    """Processor numbers (None: as inherited) and nice, -20 to 19 (None: as inherited). Make one with `check`."""

    affinity: tuple[int, ...] | None = None
    nice: int | None = None

    @classmethod
    def check(cls, affinity: Iterable[int] | None, nice: int | None) -> Scheduling | None:
        """What was asked for, or None where nothing was. Raises `ValueError` for what this machine has not."""
        if affinity is None and nice is None:
            return None
        if nice is not None and (type(nice) is not int or not _RUDEST <= nice <= _NICEST):
            raise ValueError(f"nice is {nice!r}; it must be a whole number from {_RUDEST} (first) to {_NICEST} (last)")
        return cls(_processors(affinity) if affinity is not None else None, nice)

    def apply(self) -> None:
        """Set them for this process. Raises `PermissionError` (a lower nice needs CAP_SYS_NICE), `OSError`."""
        try:
            if self.affinity is not None:
                for thread in _threads():
                    os.sched_setaffinity(thread, self.affinity)
            if self.nice is not None:
                for thread in _threads():
                    os.setpriority(os.PRIO_PROCESS, thread, self.nice)
        except PermissionError as error:
            raise PermissionError(f"{self} is not allowed here ({error.strerror}){self._needs()}") from None

    def _needs(self) -> str:
        """What a process must have for it."""
        now = os.getpriority(os.PRIO_PROCESS, 0)
        if self.nice is None or self.nice >= now:
            return ""
        return (
            f": below the present {now} it needs the capability CAP_SYS_NICE, or a limit for nice of at most "
            f"{self.nice} (RLIMIT_NICE)"
        )

    def __str__(self) -> str:
        affinity = "" if self.affinity is None else f"affinity {','.join(map(str, self.affinity))}"
        nice = "" if self.nice is None else f"nice {self.nice}"
        return " and ".join(filter(None, (affinity, nice))) or "no scheduling"


def _processors(affinity: Iterable[int]) -> tuple[int, ...]:
    if not hasattr(os, "sched_setaffinity"):
        raise ValueError("this system does not let a process choose its processors: leave affinity out")
    wanted, allowed = sorted(set(affinity)), sorted(os.sched_getaffinity(0))
    if not wanted:
        raise ValueError("affinity names no processor; leave it out to use all of them")
    if unknown := [number for number in wanted if number not in allowed]:
        raise ValueError(
            f"affinity names processor {unknown[0]!r}; this process may use {', '.join(map(str, allowed))}"
        )
    return tuple(wanted)


def _threads() -> list[int]:
    return [thread.id for thread in psutil.Process().threads()]


def present(pid: int) -> Scheduling:
    """What a process has at present; nothing where it is gone."""
    affinity, nice = None, None
    with contextlib.suppress(psutil.Error, AttributeError):
        process = psutil.Process(pid)
        nice = process.nice()
        affinity = tuple(process.cpu_affinity() or ())
    return Scheduling(affinity, nice)
