"""What a process holds (descriptors, threads, child processes, run directories), and bounded waits for others."""

from __future__ import annotations

import glob
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")

_POLL_S = 0.005


def until(condition: Callable[[], T], within_s: float, what: str) -> T:
    """Look again until the condition holds, and return what it gave. Fails after `within_s` seconds."""
    pause, deadline = threading.Event(), time.monotonic() + within_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        pause.wait(_POLL_S)
    return result


def runs(pid: int) -> bool:
    """Whether a process exists and is no zombie (what adopts orphans here may be slow to reap them)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def running(pids: Iterable[int]) -> list[str]:
    """Those that run, with their command lines."""
    found = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{pid}: {' '.join(process.cmdline())[:120]}")
        except psutil.NoSuchProcess:
            continue
    return found


def descendants(pid: int | None = None) -> set[int]:
    """Process ids of all children, theirs included; of this process where none is named."""
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return set()
    return {child.pid for child in children if _runs(child)}


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # it went between the list and the look
        return False


def run_dirs(pid: int | None = None) -> set[str]:
    """Directories of `ipc://` sockets that a process has made."""
    places = {os.environ.get("XDG_RUNTIME_DIR") or "", tempfile.gettempdir(), "/tmp"} - {""}
    return {path for place in places for path in glob.glob(f"{place}/ipc-{pid or os.getpid()}-*")}


def descriptors() -> Counter[str]:
    """This process's descriptors by kind; regular files by name."""
    kinds: Counter[str] = Counter()
    for entry in os.scandir("/proc/self/fd"):
        try:
            target = os.readlink(entry.path)
        except FileNotFoundError:
            continue
        if target.startswith("/proc/"):
            continue
        kinds[target.partition(":[")[0]] += 1
    return kinds


@dataclass(frozen=True)
class Footprint:
    """What this process held at one moment."""

    descriptors: Counter[str]
    threads: frozenset[str]
    tasks: int
    processes: frozenset[int]
    run_dirs: frozenset[str]

    @classmethod
    def take(cls) -> Footprint:
        threads = frozenset(f"{thread.name} ({thread.native_id})" for thread in threading.enumerate())
        tasks = len(os.listdir("/proc/self/task"))
        return cls(descriptors(), threads, tasks, frozenset(descendants()), frozenset(run_dirs()))

    def more_than(self, before: Footprint) -> list[str]:
        """What there is now and was not before, in words."""
        more = []
        if extra := self.descriptors - before.descriptors:
            more.append(f"descriptors: {dict(extra)}")
        if names := self.threads - before.threads:
            more.append(f"threads: {sorted(names)}")
        if self.tasks > before.tasks:
            more.append(f"{self.tasks - before.tasks} more kernel threads")
        if pids := self.processes - before.processes:
            more.append(f"processes: {running(pids)}")
        if dirs := self.run_dirs - before.run_dirs:
            more.append(f"run directories: {sorted(dirs)}")
        return more


def back_to(before: Footprint, within_s: float = 3.0) -> None:
    """Wait until nothing is held that was not held before."""
    last: list[str] = []

    def back() -> bool:
        last[:] = Footprint.take().more_than(before)
        return not last

    try:
        until(back, within_s, "back to what was held before")
    except AssertionError:
        raise AssertionError("left behind: " + "; ".join(last)) from None


def read_lines(path: str | Path) -> list[str]:
    """The lines of a file, none where it does not exist."""
    try:
        return Path(path).read_text().split("\n")[:-1]
    except FileNotFoundError:
        return []
