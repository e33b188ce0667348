"""What this process holds: descriptors, threads and child processes."""

from __future__ import annotations

import os
import threading
from collections import Counter
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Footprint:
    """A measurement. Threads are the system's own count, so those of C libraries are in it."""

    descriptors: int
    kinds: Counter[str]
    threads: int
    names: Counter[str]
    processes: frozenset[int]

    @classmethod
    def take(cls) -> Footprint:
        """Measure now."""
        process = psutil.Process()
        running = set()
        for child in process.children(recursive=True):
            try:
                if child.status() != psutil.STATUS_ZOMBIE:
                    running.add(child.pid)
            except psutil.NoSuchProcess:
                continue
        names = Counter(thread.name for thread in threading.enumerate())
        return cls(process.num_fds(), _kinds(), process.num_threads(), names, frozenset(running))

    def more_than(self, before: Footprint) -> list[str]:
        """What there is more of, in words; empty where there is nothing."""
        more = []
        if (count := self.descriptors - before.descriptors) > 0:
            more.append(f"{count} descriptors ({_words(self.kinds - before.kinds)})")
        if (count := self.threads - before.threads) > 0:
            more.append(f"{count} threads ({_words(self.names - before.names)})")
        if pids := sorted(self.processes - before.processes):
            more.append(f"processes {', '.join(map(str, pids))}")
        return more


def _kinds() -> Counter[str]:
    kinds: Counter[str] = Counter()
    try:
        numbers = os.listdir("/proc/self/fd")
    except OSError:
        return kinds
    for number in numbers:
        try:
            kinds[os.readlink(f"/proc/self/fd/{number}").partition(":")[0]] += 1
        except OSError:
            continue
    return kinds


def _words(counted: Counter[str]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in counted.items()) or "of unknown kind"
