"""One turn of one system: bring its network up, warm it up, measure put and get, and end it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cpu
from networks import System
from networks.remote import Network, Worker

IN_FLIGHT = 32
WARM_S = 1.5
"""Of puts and of gets each, in windows: links are made, caches filled."""
WARM_OPERATIONS = 64
"""Of each, one at a time after that."""
PUTS_PER_S, GETS_PER_S = 12_000, 30_000
"""Jobs prepared for a second: more than any system does."""

KILL_VALUES = 600
KILL_ALONE = 100
"""Values that are got one at a time after the kill; the others in windows."""
KILL_S = 20.0
"""Seconds after which no further get is begun."""


@dataclass(frozen=True)
class Layout:
    """How many nodes each process holds; the first drives alone what is done one at a time."""

    spread: tuple[int, ...]
    killed: int = 0
    """Processes, the last ones, that are ended by SIGKILL before the gets."""

    @property
    def nodes(self) -> int:
        return sum(self.spread)

    @property
    def name(self) -> str:
        live = self.spread[: len(self.spread) - self.killed]
        text = f"{self.nodes} nodes, {len(live)} process{'es' * (len(live) > 1)}"
        return f"{text}, {self.nodes - sum(live)} killed" if self.killed else text


def even(nodes: int, processes: int) -> Layout:
    """As many nodes in each process, the first ones taking the rest."""
    return Layout(tuple(nodes // processes + (number < nodes % processes) for number in range(processes)))


def quarter_killed(nodes: int, processes: int) -> Layout:
    """The last quarter in a process of its own, to be killed."""
    dying = nodes // 4
    return Layout((*even(nodes - dying, processes).spread, dying), killed=1)


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
        drivers = network.workers[: len(network.workers) - layout.killed] if every else [network.driver]
        for what in ("puts", "gets"):
            phase(network, drivers, "warm", what, IN_FLIGHT, int(PUTS_PER_S * WARM_S), WARM_S)
            phase(network, drivers, "warm", what, 1, WARM_OPERATIONS, WARM_S)
        if layout.killed:
            yield from killed(network, drivers, layout, seconds)
            return
        for what, rate in (("puts", PUTS_PER_S), ("gets", GETS_PER_S)):
            for in_flight in (1, IN_FLIGHT):
                mode = f"{what[:-1]} {in_flight}"
                yield phase(network, drivers, mode, what, in_flight, int(rate * seconds), seconds)


def killed(network: Network, drivers: Sequence[Worker], layout: Layout, seconds: float) -> Iterator[Run]:
    """Put, kill, get every value once, put again."""
    yield phase(network, drivers, "put before", "puts", IN_FLIGHT, KILL_VALUES, KILL_S)
    for _ in range(layout.killed):
        network.kill_last()
    yield phase(network, drivers, "get 1 after", "gets", 1, KILL_ALONE, KILL_S, again=False)
    yield phase(network, drivers, f"get {IN_FLIGHT} after", "gets", IN_FLIGHT, KILL_VALUES, KILL_S, again=False)
    for in_flight in (1, IN_FLIGHT):
        count = int(PUTS_PER_S * seconds)
        yield phase(network, drivers, f"put {in_flight} after", "puts", in_flight, count, seconds)


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
    before = cpu.snapshot(network.pids())
    for number, driver in enumerate(drivers):
        driver.tell("run", in_flight=share(in_flight, len(drivers), number), seconds=seconds)
    said = [driver.answer() for driver in drivers]
    used = cpu.spent(before, cpu.snapshot(network.pids()))
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
    """How many nodes hold each value, of a system that can be looked into: replicas, and how many values have as many."""
    held: Counter[str] = Counter()
    for worker in network.workers:
        found = worker.ask("holders")
        if found is None:
            return Counter()
        held.update(found)
    return Counter(held[target] for driver in drivers for target in driver.ask("targets"))
