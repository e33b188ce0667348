"""One turn of one system: bring its network up, warm it up, measure put and get, and end it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cpu
from networks import System
from networks.layout import KILLED, Layout
from networks.remote import Network, Worker

IN_FLIGHT = 32
WARM = {"puts": 48, "gets": 96}
"""Operations a node, in windows, before anything is measured: links are made, caches filled."""
WARM_ALONE = 64
"""And one at a time."""
WARM_S = 20.0
"""At most."""
QUIET_CORES, QUIET_S, SETTLE_S = 0.03, 0.3, 20.0
"""Then it is waited until the network used less than that of a core for that long, at most so many seconds: some hand
records over to nodes that have just come.
"""
PUTS_PER_S, GETS_PER_S = 12_000, 30_000
"""Jobs prepared for a second: more than any system does."""

LOST_VALUES = 600
LOST_ALONE = 100
"""Of them, those that are got one at a time after the loss; then all of them, in windows."""
LOST_S = 20.0
"""Seconds after which no further get is begun."""


@dataclass(frozen=True)
class Run:
    """One measurement. Latencies, in seconds, are of what went well; `worst_s` of everything."""

    mode: str
    count: int
    good: int
    wall_s: float
    cpu_s: float
    p50_s: float | None
    p99_s: float | None
    worst_s: float
    replicas: float | None
    fewest: int | None
    errors: list[tuple[str, int]]
    per_s: float
    """Of those that ended within the time given."""


def turn(system: System, layout: Layout, seconds: float, every: bool = True) -> Iterator[Run]:
    """Measure. `every`: windows are shared out to all processes, instead of all to the first. Raises WorkerFailed."""
    with Network(system, layout.spread) as network:
        drivers = network.workers[: layout.staying] if every else [network.driver]
        for what, count in WARM.items():
            phase(network, drivers, "warm", what, IN_FLIGHT, count * layout.nodes, WARM_S)
            phase(network, drivers, "warm", what, 1, WARM_ALONE, WARM_S)
        settle(network)
        if layout.loss:
            yield from after_loss(network, drivers, layout, seconds)
            return
        for what, rate in (("puts", PUTS_PER_S), ("gets", GETS_PER_S)):
            for in_flight in (1, IN_FLIGHT):
                mode = f"{what[:-1]} {in_flight}"
                yield phase(network, drivers, mode, what, in_flight, int(rate * seconds), seconds)


def settle(network: Network) -> None:
    """Wait until the network is quiet, or time is up."""
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until:
        before = cpu.snapshot(network.pids())
        time.sleep(QUIET_S)
        if cpu.spent(before, cpu.snapshot(network.pids())) < QUIET_CORES * QUIET_S:
            return


def after_loss(network: Network, drivers: Sequence[Worker], layout: Layout, seconds: float) -> Iterator[Run]:
    """Put, lose the last process, get at once, put again."""
    for driver in drivers:
        driver.ask("forget")  # what was put to warm up
    yield phase(network, drivers, "put before", "puts", IN_FLIGHT, LOST_VALUES, LOST_S)
    network.lose_last(kill=layout.loss == KILLED)
    for mode, in_flight, count in (("get 1", 1, LOST_ALONE), (f"get {IN_FLIGHT}", IN_FLIGHT, LOST_VALUES)):
        yield phase(network, drivers, mode, "gets", in_flight, count, LOST_S, again=False)
    for in_flight in (1, IN_FLIGHT):
        yield phase(network, drivers, f"put {in_flight}", "puts", in_flight, int(PUTS_PER_S * seconds), seconds)


def phase(
    network: Network,
    drivers: Sequence[Worker],
    mode: str,
    what: str,
    in_flight: int,
    count: int,
    seconds: float,
    **preparing: Any,
) -> Run:
    """Up to `count` operations within `seconds`; CPU of all processes of the network, from begin to end."""
    drivers = drivers[:1] if in_flight == 1 else drivers
    for number, driver in enumerate(drivers):
        driver.ask(f"prepare_{what}", count=share(count, len(drivers), number), **preparing)
    for worker in network.workers:
        worker.ask("collect")
    before = cpu.snapshot(network.pids())
    for number, driver in enumerate(drivers):
        driver.tell("run", in_flight=share(in_flight, len(drivers), number), seconds=seconds)
    for driver in drivers:
        driver.answer()
    used = cpu.spent(before, cpu.snapshot(network.pids()))
    said = [driver.ask("results") for driver in drivers]
    replicas: Counter[int] = Counter()
    errors: Counter[str] = Counter()
    for one in said:
        replicas.update(dict(one["replicas"]))
        errors.update(dict(one["errors"]))
    if what == "puts" and mode != "warm" and not replicas:
        replicas = counted(network, drivers)
    took = sorted(us / 1e6 for one in said for us in one["good_us"])
    many = replicas.total()
    return Run(
        mode=mode,
        count=sum(one["count"] for one in said),
        good=len(took),
        wall_s=max(one["wall_s"] for one in said),
        cpu_s=used,
        p50_s=took[len(took) // 2] if took else None,
        p99_s=took[min(len(took) - 1, len(took) * 99 // 100)] if took else None,
        worst_s=max(one["worst_s"] for one in said),
        replicas=sum(key * n for key, n in replicas.items()) / many if many else None,
        fewest=min(replicas, default=None),
        errors=errors.most_common(3),
        per_s=sum(one["in_time"] / one["window_s"] for one in said if one["window_s"]),
    )


def share(count: int, among: int, number: int) -> int:
    """That one's part of a count dealt out evenly."""
    return count // among + (number < count % among)


def counted(network: Network, drivers: Sequence[Worker]) -> Counter[int]:
    """How many nodes hold each value, where that can be seen: replicas, and how many values have as many."""
    held: Counter[str] = Counter()
    for worker in network.workers:
        found = worker.ask("holders")
        if found is None:
            return Counter()
        held.update(found)
    return Counter(held[target] for driver in drivers for target in driver.ask("targets"))
