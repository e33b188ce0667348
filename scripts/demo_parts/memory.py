"""The memory of processes."""

from __future__ import annotations

import psutil


def resident(pid: int) -> int:
    """Bytes of a process and its children, the pages of a mapped store included; 0 where it is gone."""
    try:
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0
