"""What happens, on stderr: a line for each stage that is done; before, a bar where stderr is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from .units import size


class Stage:
    """One that runs. It is told how far it is, from any thread."""

    def __init__(self, tell: Callable[[int, int | None], None]) -> None:
        self._tell = tell
        self._done = 0
        self._began_s = time.monotonic()
        self.seconds = 0.0
        """That it took; 0 while it runs."""
        self.said = ""
        """What to add to its line."""

    def step(self, more: int) -> None:
        """So much more is done."""
        self._done += more
        self._tell(self._done, None)

    def set(self, done: int, total: int | None = None) -> None:
        """So much is done in all; `total` where it has just become known."""
        self._done = done
        self._tell(done, total)

    def end(self) -> None:
        self.seconds = time.monotonic() - self._began_s


class _Amount(ProgressColumn):
    def __init__(self) -> None:
        super().__init__(Column(no_wrap=True))

    def render(self, task: Any) -> Text:
        if not task.fields["in_bytes"]:
            return Text(f"{task.completed:.0f}/{task.total:.0f}" if task.total else "")
        speed = task.speed
        amount = f"{size(task.completed)} of {size(task.total)}" if task.total else size(task.completed)
        return Text(f"{amount}  {size(speed)}/s" if speed else amount)


class Stages:
    """The stages of one run."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def note(self, text: str, style: str = "") -> None:
        """A line."""
        self._console.print(Text(text, style))

    @contextmanager
    def stage(self, what: str, total: int | None = None, *, in_bytes: bool = True) -> Iterator[Stage]:
        """Shows a bar while the block runs, and then a line with its time; nothing more where it raises."""
        if not self._console.is_terminal:
            one = Stage(lambda done, of: None)
            yield one
        else:
            columns = (TextColumn("  {task.description}"), BarColumn(24), _Amount(), TimeElapsedColumn())
            with Progress(*columns, console=self._console, transient=True) as bars:
                task = bars.add_task(what, total=total, in_bytes=in_bytes)

                def tell(done: int, of: int | None) -> None:
                    bars.update(task, completed=done, total=of)

                one = Stage(tell)
                yield one
        one.end()
        line = Text.assemble(
            ("✓ ", "green"), what, (f"  {one.seconds:.1f} s", "dim"), f"  {one.said}" if one.said else ""
        )
        self._console.print(line)
