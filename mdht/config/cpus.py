"""Which CPUs this process may use, and how many of them at a time."""

from __future__ import annotations

import math
import os
import sys
from typing import Final

from .cgroup import quota

_FILE_BYTES: Final = 1 << 20
"""Of a file that the kernel makes up; a machine with a thousand mounts has a table of 200 KiB."""


def cpu_set() -> tuple[int, ...]:
    """The numbers of the CPUs that this process may use (sched_getaffinity(2)), in order; they need not begin at 0."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def cpu_count() -> int:
    """How many CPUs this process may use at a time, at least 1: those of `cpu_set`, or what the quota of its control
    group comes to, rounded up, where that is less.
    """
    limit = quota(_read) if sys.platform == "linux" else None
    count = len(cpu_set())
    return count if limit is None else max(1, min(count, math.ceil(limit)))


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read(_FILE_BYTES).decode(errors="surrogateescape")
