"""CPU seconds of this process and of others, to the nanosecond where the kernel tells.

On Linux every process has a CPU clock that any other may read: its id is made of the process id, as
clock_getcpuclockid(3) does. It counts the time on a CPU of all threads, ended ones too, so it is as fine as schedstat
and needs no kernel option. Elsewhere psutil is asked, which counts in ticks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

import psutil

CPUCLOCK_SCHED = 2


def snapshot(pids: Iterable[int]) -> dict[int, float]:
    """CPU seconds used so far by this process (key 0) and by each of `pids` that still lives."""
    seconds = {pid: used for pid in pids if (used := of_process(pid)) is not None}
    seconds[0] = time.process_time()
    return seconds


def spent(before: dict[int, float], after: dict[int, float]) -> float:
    """CPU seconds between two snapshots; a process that came up between them counts in full."""
    return sum(used - before.get(pid, 0.0) for pid, used in after.items())


def of_process(pid: int) -> float | None:
    """CPU seconds of another process, or None when it is gone."""
    try:
        if sys.platform == "linux":
            return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)
        times = psutil.Process(pid).cpu_times()
    except (OSError, psutil.Error):
        return None
    return times.user + times.system
