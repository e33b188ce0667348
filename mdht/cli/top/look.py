"""What one look at a running node finds, and what two of them tell. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...control import About, ServiceRow


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the node as the system has it."""

    pid: int
    cpu_s: float = 0.0
    rss_bytes: int = 0
    threads: int = 0
    state: str = ""
    """`running`, `sleeping`, `stopped`, … (psutil's words)."""
    role: str = ""
    """What it is for, where no service lives in it."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of the node as a whole; totals since it was started, but for `links` and what is stored."""

    at_s: float
    links: int = 0
    records: int = 0
    stored_bytes: int = 0
    gets: int = 0
    puts: int = 0
    """Both by the node's own user."""
    served: int = 0
    """Requests of peers."""
    received_bytes: int = 0
    sent_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """All services and processes at one time, `at_s` of a monotonic clock."""

    at_s: float
    rows: tuple[ServiceRow, ...] = ()
    processes: tuple[Process, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A service, and what it did since the look before; None: not known yet."""

    row: ServiceRow
    cpu_percent: float | None = None
    busy_percent: float | None = None
    calls_s: float | None = None


@dataclass(frozen=True, slots=True)
class ProcessView:
    """A process, likewise, and the services that live in it."""

    process: Process
    services: tuple[str, ...] = ()
    cpu_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """Of the whole node, a second."""

    gets: float
    puts: float
    served: float
    received_bytes: float
    sent_bytes: float


@dataclass(frozen=True, slots=True)
class View:
    """All that is to be shown."""

    about: About = field(default_factory=About)
    up_s: float = 0.0
    services: tuple[ServiceView, ...] = ()
    processes: tuple[ProcessView, ...] = ()
    numbers: Numbers | None = None
    rates: Rates | None = None
    trouble: str = ""
    """Why what is shown is old, or not whole."""

    @property
    def cpu_percent(self) -> float | None:
        """Of all processes; 100 is one CPU."""
        known = [one.cpu_percent for one in self.processes if one.cpu_percent is not None]
        return sum(known) if known else None

    @property
    def rss_bytes(self) -> int:
        """Of all processes. What they share counts in each."""
        return sum(one.process.rss_bytes for one in self.processes)


def services_between(before: Look | None, now: Look) -> tuple[ServiceView, ...]:
    """What each service did. What was counted from 0 in between is not known."""
    passed_s = 0.0 if before is None else now.at_s - before.at_s
    if before is None or passed_s <= 0:
        return tuple(ServiceView(row) for row in now.rows)
    old = {row.name: row for row in before.rows}
    views = []
    for row in now.rows:
        then = old.get(row.name)
        if then is None:
            views.append(ServiceView(row))
            continue
        same = then.pids == row.pids and row.cpu_s >= then.cpu_s
        views.append(
            ServiceView(
                row,
                100 * (row.cpu_s - then.cpu_s) / passed_s if same else None,
                100 * max(0.0, row.busy_s - then.busy_s) / passed_s,
                max(0, row.calls - then.calls) / passed_s,
            )
        )
    return tuple(views)


def processes_between(before: Look | None, now: Look) -> tuple[ProcessView, ...]:
    """What each process did, and who lives in it."""
    passed_s = 0.0 if before is None else now.at_s - before.at_s
    old = {} if before is None else {one.pid: one for one in before.processes}
    views = []
    for one in now.processes:
        then = old.get(one.pid)
        known = then is not None and passed_s > 0 and one.cpu_s >= then.cpu_s
        views.append(
            ProcessView(
                one,
                tuple(row.name for row in now.rows if one.pid in row.pids),
                100 * (one.cpu_s - then.cpu_s) / passed_s if known and then is not None else None,
            )
        )
    return tuple(views)


def rates_between(before: Numbers | None, now: Numbers | None) -> Rates | None:
    """What the node did a second; None where that is not known, or it was started again in between."""
    if before is None or now is None or now.at_s <= before.at_s:
        return None
    totals = ("gets", "puts", "served", "received_bytes", "sent_bytes")
    grown = [getattr(now, name) - getattr(before, name) for name in totals]
    return None if min(grown) < 0 else Rates(*(one / (now.at_s - before.at_s) for one in grown))


def numbers_of(stats: Mapping[str, Mapping[str, Any]], at_s: float) -> Numbers:
    """Out of a node's answer to `StatsCall`. What an older or newer one does not tell counts as 0."""

    def one(table: str, key: str) -> int:
        value = stats.get(table, {}).get(key, 0)
        return value if isinstance(value, int) else 0

    return Numbers(
        at_s,
        one("links", "links"),
        one("store", "records"),
        one("store", "bytes"),
        one("api", "gets"),
        one("api", "puts"),
        one("links", "served"),
        one("links", "received_bytes"),
        one("links", "sent_bytes"),
    )


def view_of(
    about: About,
    up_s: float,
    looks: tuple[Look | None, Look],
    numbers: tuple[Numbers | None, Numbers | None] = (None, None),
    trouble: str = "",
) -> View:
    """Of the last two looks, and of the last two times that the node told its numbers."""
    return View(
        about=about,
        up_s=up_s,
        services=services_between(*looks),
        processes=processes_between(*looks),
        numbers=numbers[1],
        rates=rates_between(*numbers),
        trouble=trouble,
    )


def pids_of(rows: Sequence[ServiceRow], main: int) -> list[int]:
    """All processes in which services live, the node's own first."""
    return list(dict.fromkeys([main, *(pid for row in rows for pid in row.pids)]))
