"""Keeping operations in flight whose ends come from elsewhere: begin until the window is full, then wait for an end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from time import perf_counter

from networks.base import STALL_S, End, Job


@dataclass(slots=True)
class Said:
    """The end of the operation that was begun under this token."""

    token: Hashable
    good: bool
    key: object = None
    replicas: int | None = None
    value: bytes | None = None
    """Of a get: what was found; `good` is then decided by comparing it."""
    error: str = ""


def drive(
    begin: Callable[[Job], Hashable],
    wait: Callable[[float], Sequence[Said]],
    jobs: Sequence[Job],
    in_flight: int,
    seconds: float,
) -> list[End]:
    """`Nodes.run` of a system that calls back. `begin` gives a token, `wait` the ends that came within some seconds.

    Where none comes for `STALL_S`, all in flight count as lost. An end of an unknown token is a late one: passed over.
    """
    ends: list[End] = []
    open_jobs: dict[Hashable, tuple[Job, float]] = {}
    rest = iter(jobs)
    started = perf_counter()
    more = True
    last_end = started
    while True:
        while more and len(open_jobs) < in_flight:
            job = next(rest, None)
            if job is None or (ends and last_end - started >= seconds):
                more = False
                break
            begun = perf_counter()
            open_jobs[begin(job)] = (job, begun)
        if not open_jobs:
            return ends
        for said in wait(STALL_S):
            entry = open_jobs.pop(said.token, None)
            if entry is None:
                continue
            job, begun = entry
            last_end = perf_counter()
            good = said.value == job.value if said.value is not None else said.good
            ends.append(End(job, last_end - begun, good, said.key, said.replicas, said.error, last_end))
        now = perf_counter()
        if now - last_end >= STALL_S and all(now - begun >= STALL_S for _, begun in open_jobs.values()):
            ends += [End(job, now - begun, False, error="no answer", at=now) for job, begun in open_jobs.values()]
            return ends
