"""Looks at a running node: asks it, and the system about its processes."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import psutil

from ...control import About, StatsCall
from ...remote import RemoteNode
from .look import Look, Numbers, Process, numbers_of, pids_of

ASK_S: Final = 2.0
"""Seconds for the node's numbers: each of its services is asked, and one that stands still keeps the answer waiting."""


async def look(node: RemoteNode, about: About) -> Look:
    """All services and processes. Raises what `RemoteNode.services` raises."""
    rows = tuple(await node.aservices())
    at_s = time.monotonic()
    known = pids_of(rows, about.pid)
    return Look(at_s, rows, tuple(found for pid in [*known, *_helpers(about.pid, known)] if (found := process(pid))))


async def numbers(node: RemoteNode) -> Numbers:
    """The node as a whole. Raises what `RemoteNode.stats` raises."""
    stats = await node.aask(StatsCall(), ASK_S)
    return numbers_of(stats, asyncio.get_running_loop().time())


def process(pid: int) -> Process | None:
    """What the system tells of it; None where it is gone, or of another machine or container."""
    try:
        one = psutil.Process(pid)
        with one.oneshot():
            times = one.cpu_times()
            return Process(
                pid,
                times.user + times.system,
                one.memory_info().rss,
                one.num_threads(),
                one.status(),
                _role(one.cmdline()),
            )
    except psutil.Error:
        return None


def _helpers(main: int, known: list[int]) -> list[int]:
    """Processes of the node in which no service lives: those that start and tidy up after the others."""
    try:
        children = psutil.Process(main).children(recursive=True)
    except psutil.Error:
        return []
    return [one.pid for one in children if one.pid not in known]


def _role(command: list[str]) -> str:
    text = " ".join(command)
    if "resource_tracker" in text:
        return "(tidies up after the others)"
    return "(starts the others)" if "forkserver" in text else "(no service)"
