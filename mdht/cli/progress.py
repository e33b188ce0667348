"""Progress bars on stderr: only where that is a terminal, and nobody asked for silence or JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .output import size
from .terms import Terms

Told = Callable[[Any], None]
Stepped = Callable[[], None]


def wanted(terms: Terms) -> bool:
    """Whether somebody looks."""
    return not terms.json and not terms.quiet and sys.stderr.isatty()


@contextmanager
def transfer(terms: Terms, what: str) -> Iterator[Told | None]:
    """For a share or fetch: is given its progress as plain values (bytes and files, done and in all)."""
    if not wanted(terms):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Any) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{size(speed)}/s" if speed else "")

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        DownloadColumn(binary_units=True),
        Speed(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[files]}"),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None, files="")

        def told(now: dict[str, int]) -> None:
            files = f"{now['files_done']:,}/{now['files_total']:,}" if now["files_total"] > 1 else ""
            bar.update(task, completed=now["done_bytes"], total=now["total_bytes"] or None, files=files)

        yield told


@contextmanager
def steps(terms: Terms, what: str, total: int) -> Iterator[Stepped]:
    """For so many steps: is called after each."""
    if not wanted(terms):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
