"""Plain numbers about services, as `client.stats()` gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psutil

from .scheduling import Scheduling, present


@dataclass(frozen=True, slots=True)
class ServiceStats:
    """One service, all its shards together. Times in seconds, sizes in bytes, counts since the service was added.

    `last_error` is why it was last restarted, `last_hang` why it was last found hanging (`hangs`); empty where it never
    was. `silent_s`: for how long one of its processes has not answered, 0.0 where all do; its part of the numbers is
    then what it said last. `affinity` and `nice` are what its first process has at present; None where it has no
    process to itself.
    """

    name: str
    placement: str
    pids: tuple[int, ...]
    calls: int
    errors: int
    busy_s: float
    queued: int
    queued_bytes: int
    oldest_wait_s: float
    p50_s: float
    p99_s: float
    cpu_s: float
    rss_bytes: int
    restarts: int
    expired: int
    late: int
    lost: int
    bad_frames: int
    moves: int
    hangs: int = 0
    last_error: str = ""
    affinity: tuple[int, ...] | None = None
    nice: int | None = None
    last_hang: str = ""
    silent_s: float = 0.0


def percentile(samples: list[float], fraction: float) -> float:
    """The smallest sample that at least `fraction` of all do not exceed (nearest rank); 0.0 of none."""
    if not samples:
        return 0.0
    ordered = sorted(samples)
    rank = max(1, -(-len(ordered) * fraction // 1))
    return ordered[min(len(ordered), int(rank)) - 1]


def process_numbers(pids: Iterable[int]) -> tuple[float, int]:
    """CPU seconds (user and system) and resident bytes of these processes together; one that is gone counts nothing."""
    cpu, rss = 0.0, 0
    for pid in set(pids):
        try:
            process = psutil.Process(pid)
            times = process.cpu_times()
            cpu += times.user + times.system
            rss += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return cpu, rss


def merge(
    name: str,
    placement: str,
    shards: list[dict[str, Any]],
    kept: dict[str, Any],
    last_error: str = "",
    apart: bool = False,
    last_hang: str = "",
    silent_s: float = 0.0,
) -> ServiceStats:
    """One `ServiceStats` from what each shard reported and what the tree keeps across moves and restarts; `apart` where
    its hosts are processes of their own.
    """
    pids = tuple(sorted({int(shard["pid"]) for shard in shards}))
    cpu, rss = process_numbers(pids)
    scheduling = present(pids[0]) if apart and pids else Scheduling()
    times = [t for shard in shards for t in shard["times"]]

    def total(key: str) -> Any:
        return sum(shard[key] for shard in shards) + kept.get(key, 0)

    return ServiceStats(
        name=name,
        placement=placement,
        pids=pids,
        calls=total("calls"),
        errors=total("errors"),
        busy_s=total("busy_s"),
        queued=total("queued"),
        queued_bytes=total("queued_bytes"),
        oldest_wait_s=max((shard["oldest_wait_s"] for shard in shards), default=0.0),
        p50_s=percentile(times, 0.50),
        p99_s=percentile(times, 0.99),
        cpu_s=cpu,
        rss_bytes=rss,
        restarts=kept.get("restarts", 0),
        expired=total("expired"),
        late=total("late"),
        lost=kept.get("lost", 0),
        bad_frames=total("bad_frames"),
        moves=kept.get("moves", 0),
        hangs=kept.get("hangs", 0),
        last_error=last_error,
        affinity=scheduling.affinity,
        nice=scheduling.nice,
        last_hang=last_hang,
        silent_s=silent_s,
    )
