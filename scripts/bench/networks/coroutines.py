"""Keeping coroutines in flight: as many workers, each doing one job after another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter

from networks.base import End, Job

Act = Callable[[Job], Awaitable[End]]
"""Does a job; the time is filled in here."""


async def drive(act: Act, jobs: Sequence[Job], in_flight: int, seconds: float) -> list[End]:
    """`Nodes.run` of a system whose operations are awaited; what they raise is the error of that end."""
    ends: list[End] = []
    rest = iter(jobs)
    until = perf_counter() + seconds

    async def worker() -> None:
        for job in rest:
            begun = perf_counter()
            try:
                end = await act(job)
            except Exception as error:
                end = End(job, 0.0, False, error=f"{type(error).__name__}: {error}")
            now = perf_counter()
            end.seconds, end.at = now - begun, now
            ends.append(end)
            if now >= until:
                return

    if in_flight == 1:
        await worker()
    else:
        await asyncio.gather(*(worker() for _ in range(in_flight)))
    return ends
