"""The columns of the tables, and which of them a terminal has room for. Pure.

A column is shown as wide as it needs to be, or not at all. The more important ones come first: none is shown where one
before it in importance is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from .look import ProcessView, ServiceView
from .texts import clean, cut, number, percent, rate, seconds, size

T = TypeVar("T")

GAP: Final = 1
"""Spaces between two columns."""


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """`rank`: 1 is the most important. `least`: characters that it always takes. `most`: text is cut to that, where
    there is no room for all of it; 0 is a number, or a name, which is never cut.
    """

    title: str
    rank: int
    cell: Callable[[T], str]
    least: int = 0
    most: int = 0
    right: bool = True


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """A column that is shown, so many characters wide."""

    column: Column[T]
    width: int


def chosen(columns: Sequence[Column[T]], rows: Sequence[T], width: int) -> list[Placed[T]]:
    """Those that fit, in the order of `columns`. The most important one is there in any width, cut if it must be.

    Text that was cut gets what room is left over.
    """
    wanted = {id(one): _width(one, rows) for one in columns}
    taken: dict[int, int] = {}
    room = width
    for one in sorted(columns, key=lambda column: column.rank):
        least = min(wanted[id(one)], max(one.most, len(one.title))) if one.most else wanted[id(one)]
        if taken and room < GAP + least:
            break
        taken[id(one)] = min(least, width)
        room -= taken[id(one)] + (GAP if len(taken) > 1 else 0)
    for one in columns:
        if id(one) in taken and room > 0:
            more = min(room, wanted[id(one)] - taken[id(one)])
            taken[id(one)] += more
            room -= more
    return [Placed(one, taken[id(one)]) for one in columns if id(one) in taken]


def titles(placed: Sequence[Placed[T]]) -> str:
    """The line over a table."""
    return _line([(one, one.column.title) for one in placed])


def line(placed: Sequence[Placed[T]], row: T) -> str:
    """A row of it."""
    return _line([(one, clean(one.column.cell(row))) for one in placed])


def _line(cells: Sequence[tuple[Placed[T], str]]) -> str:
    texts = [
        cut(text, one.width).rjust(one.width) if one.column.right else cut(text, one.width).ljust(one.width)
        for one, text in cells
    ]
    return (" " * GAP).join(texts).rstrip()


def _width(column: Column[T], rows: Sequence[T]) -> int:
    return max([len(column.title), column.least, *(len(clean(column.cell(row))) for row in rows)])


def _name(one: ServiceView) -> str:
    row = one.row
    return f"{row.name} silent {seconds(row.silent_s)}" if row.silent_s else row.name


def _trouble(one: ServiceView) -> str:
    row = one.row
    return "; ".join(dict.fromkeys(text for text in (row.last_error, row.last_hang) if text))


def _where(one: ServiceView) -> str:
    row = one.row
    return row.placement if row.placement == row.configured or not row.configured else f"{row.placement} *"


def _pids(one: ServiceView) -> str:
    pids = one.row.pids
    return "-" if not pids else str(pids[0]) if len(pids) == 1 else f"{len(pids)} procs"


def _cpus(one: ServiceView) -> str:
    cpus = one.row.affinity
    return "" if not cpus else ",".join(map(str, cpus))


SERVICES: Final[tuple[Column[ServiceView], ...]] = (
    Column("Service", 1, _name, least=9, right=False),
    Column("Placement", 6, _where, most=16, right=False),
    Column("PID", 10, _pids, least=7),
    Column("CPU%", 2, lambda one: percent(one.cpu_percent), least=5),
    Column("Mem", 3, lambda one: size(one.row.rss_bytes), least=4),
    Column("Calls/s", 4, lambda one: rate(one.calls_s), least=7),
    Column("Busy%", 12, lambda one: percent(one.busy_percent), least=5),
    Column("Queue", 5, lambda one: number(one.row.queued), least=5),
    Column("Oldest", 7, lambda one: seconds(one.row.oldest_wait_s), least=6),
    Column("p50", 13, lambda one: seconds(one.row.p50_s), least=5),
    Column("p99", 8, lambda one: seconds(one.row.p99_s), least=5),
    Column("Errs", 14, lambda one: number(one.row.errors), least=4),
    Column("Rst", 9, lambda one: number(one.row.restarts), least=3),
    Column("Hang", 11, lambda one: number(one.row.hangs), least=4),
    Column("Lost", 15, lambda one: number(one.row.lost), least=4),
    Column("Moves", 16, lambda one: number(one.row.moves), least=5),
    Column("CPUs", 18, _cpus, most=12),
    Column("Last error", 17, _trouble, least=10, most=24, right=False),
)

PROCESSES: Final[tuple[Column[ProcessView], ...]] = (
    Column("Process", 1, lambda one: str(one.process.pid), least=9, right=False),
    Column("CPU%", 2, lambda one: percent(one.cpu_percent), least=5),
    Column("RSS", 3, lambda one: size(one.process.rss_bytes), least=4),
    Column("Threads", 5, lambda one: number(one.process.threads), least=7),
    Column("State", 6, lambda one: one.process.state, least=8, right=False),
    Column("Services", 4, lambda one: " ".join(one.services) or one.process.role, most=10, right=False),
)
