"""`top`: the services of a running node, again and again."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ..control import ServiceRow
from ..remote import RemoteNode
from . import output
from .exits import DONE
from .rates import Rate, rates
from .terms import Terms, common
from .values import SECONDS

_HEADERS = ("Service", "Placement", "PID", "CPU%", "Memory", "Calls/s", "Wait", "Oldest", "p99", "Rst")
_SHARED = "Services with the same process share its CPU and memory."


@click.command()
@click.option(
    "--interval", "-i", type=SECONDS, default=2.0, show_default=True, metavar="SECONDS", help="Between two looks."
)
@click.option("--once", is_flag=True, help="Look once, for one interval, and end.")
@common
def top(terms: Terms, interval: float, once: bool) -> int:
    """Show where the node's services are and how they do, until q or Ctrl-C.

    CPU% and calls a second are of the last interval; p99 is of the latest calls. With --json one line an interval.
    """
    with RemoteNode(terms.data_dir) as node:
        try:
            if terms.json:
                for found in _looks(node, interval, once):
                    output.result(found)
            elif once or not output.is_terminal():
                for found in _looks(node, interval, once):
                    output.table(_HEADERS, [_cells(one) for one in found])
            else:
                _full_screen(node, interval)
        except KeyboardInterrupt:
            pass  # the usual way to end it
    return DONE


def _looks(node: RemoteNode, interval: float, once: bool) -> Iterator[list[Rate]]:
    before, then_s = node.services(), time.monotonic()
    while True:
        time.sleep(interval)
        now, now_s = node.services(), time.monotonic()
        yield rates(before, now, now_s - then_s)
        if once:
            return
        before, then_s = now, now_s


def _full_screen(node: RemoteNode, interval: float) -> None:
    from rich.live import Live

    about = node.about()
    title = f"{about.id.hex()[:16]}…  process {about.pid}  {about.data_dir}"
    before: list[ServiceRow] = node.services()
    then_s = time.monotonic()
    with _keys(), Live(_drawn(title, rates(before, before, 1.0)), screen=True, auto_refresh=False) as live:
        while not _quits(interval):
            now, now_s = node.services(), time.monotonic()
            live.update(_drawn(title, rates(before, now, now_s - then_s)), refresh=True)
            before, then_s = now, now_s


def _drawn(title: str, found: list[Rate]) -> Any:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=False)
    for at, header in enumerate(_HEADERS):
        table.add_column(header, justify="left" if at < 2 else "right", no_wrap=True, overflow="ellipsis")
    for one in found:
        style = "red" if one["last_error"] and one["restarts"] else ""
        table.add_row(*map(Text, _cells(one)), style=style)
    return Group(Text(title, no_wrap=True, overflow="ellipsis"), table, Text(f"{_SHARED} q ends it.", style="dim"))


def _cells(one: Rate) -> list[str]:
    pids = one["pids"]
    return [
        one["name"],
        one["placement"],
        "-" if not pids else str(pids[0]) if len(pids) == 1 else f"{pids[0]}+{len(pids) - 1}",
        f"{one['cpu_percent']:.0f}",
        output.size(one["rss_bytes"]).replace(".0 ", " ").replace("iB", "").replace(" ", ""),
        f"{one['calls_s']:,.0f}",
        str(one["queued"]),
        _short(one["oldest_wait_s"]),
        _short(one["p99_s"]),
        str(one["restarts"]),
    ]


def _short(seconds: float) -> str:
    if seconds <= 0:
        return "-"
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f}µs"
    return f"{seconds * 1e3:.0f}ms" if seconds < 1 else f"{seconds:.1f}s"


@contextmanager
def _keys() -> Iterator[None]:
    """Keys come one by one, and are not shown."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _quits(interval: float) -> bool:
    """Wait for so long; whether q was pressed meanwhile."""
    until_s = time.monotonic() + interval
    while (left_s := until_s - time.monotonic()) > 0:
        if not sys.stdin.isatty():
            time.sleep(left_s)
        elif select.select([sys.stdin], [], [], left_s)[0] and sys.stdin.read(1) in ("q", "Q", ""):
            return True
    return False
