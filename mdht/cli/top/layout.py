"""From what is to be shown and the size of a terminal to its lines. Pure.

First the node, then as many rows of its services and processes as there is room for, then the keys. The titles of the
table that the first row belongs to stay above it while the rows are scrolled.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from .columns import PROCESSES, SERVICES, chosen, line, titles
from .look import ServiceView, View
from .state import NAMES, State, sorted_processes, sorted_services
from .texts import clean, cut, number, percent, rate, size, uptime

_WIDE: Final = 76
"""Columns from which on the keys are explained."""


class Style(enum.Enum):
    """How a line is to be read."""

    PLAIN = "plain"
    HEAD = "head"
    TITLES = "titles"
    WARN = "warn"
    BAD = "bad"
    KEYS = "keys"


class Line(NamedTuple):
    """No wider than the terminal."""

    text: str
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True)
class Page:
    """The lines of a screen; `offset`: rows above that are really scrolled away; `rows`: how many it shows."""

    lines: list[Line]
    offset: int
    rows: int


_TITLED: Final = 4
"""Lines from which on there is one for the titles of columns, and one for what is wrong."""

_HEADS: Final = ((12, 1), (18, 2))
"""Below so many lines of the terminal, so many are for the node; else three."""


def page_of(view: View, state: State, width: int, height: int) -> Page:
    """The screen: exactly `height` lines. From two lines on, the first is about the node, and the last names keys."""
    width, height = max(1, width), max(1, height)
    head = [Line(text, Style.HEAD) for text in _head(view, width, _heads(height))]
    if height == 1:
        return Page(head[:1], 0, 0)
    if view.trouble and height >= _TITLED:
        head.append(Line(cut(clean(view.trouble), width), Style.BAD))
    titled = height >= _TITLED
    room = height - len(head) - titled - 1
    services, processes = _tables(view, state, width)
    rows = services[1:] + ([Line(""), *processes] if processes else [])
    offset = min(state.offset, max(0, len(rows) - room))
    title = services[0]
    begin = offset
    if processes and offset >= len(services) - 1:  # nothing of the first table is left
        title, begin = processes[0], max(offset, len(services) + 1)
    shown = rows[begin : begin + room]
    below = len(rows) - begin - len(shown)
    foot = Line(_foot(state, begin, below, width, "" if titled else view.trouble), Style.KEYS)
    body = ([title] if titled else []) + shown
    body += [Line("")] * (height - len(head) - len(body) - 1)
    return Page([*head, *body, foot], offset, max(1, room))


def table_of(view: View, width: int, *, processes: bool = True) -> list[str]:
    """All of it, however many lines: for who looks once."""
    services, rest = _tables(view, State(processes=processes), width)
    head = [*_head(view, width, 3), *([cut(clean(view.trouble), width)] if view.trouble else [])]
    return [*head, "", *(one.text for one in [*services, *([Line(""), *rest] if rest else [])])]


# -- the tables --------------------------------------------------------------------------------------------------------


def _tables(view: View, state: State, width: int) -> tuple[list[Line], list[Line]]:
    """Titles and rows of both; no lines for what is not wanted."""
    services = sorted_services(view.services, state.order)
    columns = chosen(SERVICES, services, width)
    first = [Line(titles(columns), Style.TITLES), *(Line(line(columns, one), _style(one)) for one in services)]
    if not state.processes or not view.processes:
        return first, []
    processes = sorted_processes(view.processes, state.order)
    placed = chosen(PROCESSES, processes, width)
    stopped = ("stopped", "zombie", "dead", "gone")
    return first, [
        Line(titles(placed), Style.TITLES),
        *(Line(line(placed, one), Style.BAD if one.process.state in stopped else Style.PLAIN) for one in processes),
    ]


def _style(one: ServiceView) -> Style:
    if one.row.silent_s:
        return Style.BAD
    return Style.WARN if one.row.restarts or one.row.hangs else Style.PLAIN


# -- the node ----------------------------------------------------------------------------------------------------------


def _heads(height: int) -> int:
    return next((lines for below, lines in _HEADS if height < below), 3)


def _head(view: View, width: int, lines: int) -> list[str]:
    """So many lines; what has no place is left out whole, the less important first."""
    about, numbers, rates = view.about, view.numbers, view.rates
    node = [f"mdht {about.id.hex()[:8]}", f"up {uptime(view.up_s)}", f"pid {about.pid}", *_where(view)]
    load = [f"CPU {percent(view.cpu_percent) or '-'}%", f"mem {size(view.rss_bytes)}"]
    if numbers is not None:
        load += [f"links {number(numbers.links)}", f"records {number(numbers.records)} ({size(numbers.stored_bytes)})"]
    load.append(f"procs {len(view.processes)}")
    work = []
    if rates is not None:
        work = [
            f"gets {rate(rates.gets)}/s",
            f"puts {rate(rates.puts)}/s",
            f"served {rate(rates.served)}/s",
            f"in {size(rates.received_bytes)}/s",
            f"out {size(rates.sent_bytes)}/s",
        ]
    elif numbers is not None:
        work = [f"gets {number(numbers.gets)}", f"puts {number(numbers.puts)}", f"served {number(numbers.served)}"]
    if lines == 1:
        return [_packed([about.id.hex()[:8] or "mdht", *load[:3], *work[:3], *node[1:3], *load[3:]], width)]
    if lines == 2:
        return [_packed([*node[:2], *work[:3], *node[2:], *work[3:]], width), _packed(load, width)]
    return [_packed(node, width), _packed(load, width), _packed(work or ["gets -", "puts -", "served -"], width)]


def _where(view: View) -> list[str]:
    about = view.about
    found = [f"{about.network}{' (private)' if about.private else ''}"] if about.network else []
    found += [about.addresses[0]] if about.addresses else []
    return [clean(one) for one in [*found, about.data_dir] if one]


def _packed(items: Sequence[str], width: int) -> str:
    """As many of them as fit; the first one is cut if it must be."""
    text = cut(items[0], width)
    for one in items[1:]:
        if len(text) + 2 + len(one) <= width:
            text += f"  {one}"
    return text


# -- the keys ----------------------------------------------------------------------------------------------------------


def _foot(state: State, above: int, below: int, width: int, trouble: str) -> str:
    items = [clean(trouble)] if trouble else []
    marks = [f"{sign}{count}" for sign, count in (("↑", above), ("↓", below)) if count]
    items += [f"{' '.join(marks)} more"] if marks else []
    items.append("q quit")
    if width < _WIDE:
        keys = "".join(f"[{one.value}]" if one is state.order else one.value for one in NAMES)
        items += ["p procs", f"sort {keys}"]
    else:
        items += ["p processes" if state.processes else "p +processes"]
        items += [
            f"[{one.value} {name}]" if one is state.order else f"{one.value} {name}" for one, name in NAMES.items()
        ]
        items += ["↑↓ PgUp PgDn"] if marks else []
    return _packed(items, width)
