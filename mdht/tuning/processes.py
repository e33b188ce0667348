"""CPU time and memory of processes, as the kernel counts them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Final

import psutil

_CPUCLOCK_SCHED: Final = 2


def tree_of(pid: int) -> list[int]:
    """A process and all its descendants that run; none where it is gone."""
    try:
        root = psutil.Process(pid)
        return [pid, *(child.pid for child in root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def cpu_s(pid: int) -> float | None:
    """CPU seconds of a process, threads that have ended included; None where it is gone.

    On Linux every process has a CPU clock that any other may read, whose number is made of its id as
    clock_getcpuclockid(3) does: it counts nanoseconds, where /proc has hundredths of a second.
    """
    try:
        if sys.platform == "linux":
            return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
        times = psutil.Process(pid).cpu_times()
    except (OSError, psutil.Error):
        return None
    return times.user + times.system


def cpu_of(pids: Iterable[int]) -> dict[int, float]:
    """CPU seconds of each that is there."""
    return {pid: used for pid in pids if (used := cpu_s(pid)) is not None}


def spent(before: dict[int, float], after: dict[int, float]) -> dict[int, float]:
    """CPU seconds of each between two looks; all of one that came up meanwhile, nothing of one that went."""
    return {pid: max(0.0, used - before.get(pid, 0.0)) for pid, used in after.items()}


def rss_of(pids: Iterable[int]) -> dict[int, int]:
    """Resident bytes of each that is there."""
    found = {}
    for pid in pids:
        try:
            found[pid] = psutil.Process(pid).memory_info().rss
        except psutil.Error:
            continue
    return found


def machine_busy_s() -> float:
    """CPU seconds that all processes of the machine have used."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def on_disk(path: str) -> str:
    """The file system that holds a path; empty where that is unknown. `tmpfs` is memory."""
    best, kind = "", ""
    for part in psutil.disk_partitions(all=True):
        if (path == part.mountpoint or path.startswith(part.mountpoint.rstrip("/") + "/")) and len(
            part.mountpoint
        ) >= len(best):
            best, kind = part.mountpoint, part.fstype
    return kind
