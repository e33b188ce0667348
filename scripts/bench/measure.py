"""Measuring one mode of a started subject: how many messages fill the time, then wall, CPU and latencies of them."""

from __future__ import annotations

import gc
import signal
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import cpu
from subject import IN_FLIGHT_64, WINDOW, Subject

MOST_MESSAGES = 3_000_000
MOST_BYTES = 8 << 30
PATIENCE_S = 90


@dataclass(frozen=True)
class Run:
    """One measurement of n messages; round trips count as one message. Seconds; latencies only for one in flight."""

    messages: int
    wall_s: float
    cpu_s: float
    p50_s: float | None = None
    p99_s: float | None = None


@dataclass(frozen=True)
class Result:
    """Medians over the repetitions of one subject, size and mode."""

    subject: str
    between: str
    size_bytes: int
    mode: str
    messages_per_s: float
    cpu_us: float
    p50_us: float | None
    p99_us: float | None
    spread: float
    """(largest - smallest) / median of messages_per_s over the repetitions."""
    repeats: int
    messages: int


def calibrate(subject: Subject, mode: str, seconds: float) -> int:
    """How many messages take about `seconds`: doubled until a fifth of it has passed, then scaled.

    The subject must have answered before: the first messages wait for a process to come up.
    """
    step = WINDOW if mode == IN_FLIGHT_64 else 1
    most = min(MOST_MESSAGES, max(step, MOST_BYTES // len(subject.payload)))
    n = step
    while True:
        wall = run(subject, mode, n).wall_s
        if wall >= seconds / 5 or n >= most:
            return max(step, min(most, int(n * seconds / wall)) // step * step)
        n = min(most, n * 2) // step * step


def run(subject: Subject, mode: str, n: int) -> Run:
    """Run a mode once. Raises `TimeoutError` when it does not come back in time, and what the subject raises."""
    act = getattr(subject, mode)
    pids = subject.pids()
    gc.collect()
    with time_limit(subject, mode):
        before = cpu.snapshot(pids)
        begun = perf_counter()
        latencies = act(n)
        wall = perf_counter() - begun
        used = cpu.spent(before, cpu.snapshot(pids))
    if not latencies:
        return Run(n, wall, used)
    latencies.sort()
    return Run(n, wall, used, latencies[n // 2], latencies[min(n - 1, n * 99 // 100)])


@contextmanager
def time_limit(subject: Subject, mode: str) -> Iterator[None]:
    """Interrupt a measurement that hangs, where the platform has alarms: one bad cell must not cost all the others."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(*_: object) -> None:
        raise TimeoutError(f"{subject.name} {mode} did not end within {PATIENCE_S} s")

    previous = signal.signal(signal.SIGALRM, ring)
    signal.alarm(PATIENCE_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def combine(subject: Subject, size: int, mode: str, runs: list[Run]) -> Result:
    """The medians of all repetitions."""
    rates = [one.messages / one.wall_s for one in runs]
    rate = statistics.median(rates)
    return Result(
        subject=subject.name,
        between=subject.between,
        size_bytes=size,
        mode=mode,
        messages_per_s=rate,
        cpu_us=statistics.median(one.cpu_s / one.messages for one in runs) * 1e6,
        p50_us=_median_us([one.p50_s for one in runs]),
        p99_us=_median_us([one.p99_s for one in runs]),
        spread=(max(rates) - min(rates)) / rate,
        repeats=len(runs),
        messages=runs[-1].messages,
    )


def _median_us(seconds: list[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return statistics.median(known) * 1e6 if known else None
