"""What a command writes: its result on stdout, everything else on stderr; with `--json` both are for programs.

In JSON, bytes stand in hexadecimal under a name that ends in `_hex`, values of records in base64 under one that ends in
`_base64`, times in seconds under `_s`, sizes under `_bytes`.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

_VALUES: Final = ("value",)
"""Fields whose bytes are anything; others are ids, keys and hashes."""


def result(plain: Any) -> None:
    """One JSON value on one line of stdout."""
    click.echo(json.dumps(jsonable(plain), ensure_ascii=True))


def jsonable(plain: Any) -> Any:
    """The same with text for bytes, under names that say how it is written."""
    if isinstance(plain, Mapping):
        made: dict[str, Any] = {}
        for key, value in plain.items():
            if isinstance(value, bytes):
                if key in _VALUES:
                    made[f"{key}_base64"] = base64.b64encode(value).decode()
                else:
                    made[f"{key}_hex"] = value.hex()
            else:
                made[key] = jsonable(value)
        return made
    if isinstance(plain, list | tuple):
        return [jsonable(one) for one in plain]
    return plain.hex() if isinstance(plain, bytes) else plain


def raw(data: bytes) -> None:
    """Bytes on stdout as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def line(text: str) -> None:
    """A line on stdout."""
    click.echo(text)


def note(text: str) -> None:
    """A line on stderr."""
    click.echo(text, err=True)


def is_terminal() -> bool:
    """Whether stdout is a person's."""
    return sys.stdout.isatty()


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Columns on stdout: drawn on a terminal; else plain, two spaces between them and nothing cut."""
    cells = [[str(cell) for cell in row] for row in rows]
    if is_terminal():
        _drawn(headers, cells, title)
        return
    if title:
        click.echo(f"# {title}")
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    for row in [list(headers), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def parts(tables: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Small tables of names and values on stdout: side by side on a terminal; else `table name value` a line."""
    if not is_terminal():
        table(("Part", "What", "Value"), [(part, *row) for part, rows in tables.items() for row in rows])
        return
    from rich.columns import Columns
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = []
    for part, rows in tables.items():
        one = Table(box=None, title=part, title_style="bold", title_justify="left", show_header=False, pad_edge=False)
        one.add_column()
        one.add_column(justify="right")
        for name, value in rows:
            one.add_row(Text(name), Text(value))
        one.add_row("", "")
        drawn.append(one)
    Console(highlight=False).print(Columns(drawn, padding=(0, 3)))


def wrapped(text: str, indent: int = 0, *, err: bool = False) -> str:
    """Text broken between words for the terminal that it goes to, lines after the first indented; else as it is."""
    if not (sys.stderr if err else sys.stdout).isatty():
        return text
    import shutil
    import textwrap

    width = max(40, shutil.get_terminal_size().columns) - 1
    lines = [
        textwrap.fill(
            one,
            width,
            initial_indent=" " * indent,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for one in text.splitlines()
    ]
    return "\n".join(lines)[indent:]


def _drawn(headers: Sequence[str], rows: list[list[str]], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    numbers = [all(row[at].replace(",", "").replace(".", "").isdigit() for row in rows) for at in range(len(headers))]
    drawn = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, title_style="bold")
    for header, number in zip(headers, numbers, strict=True):
        drawn.add_column(header, justify="right" if number and rows else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console(highlight=False).print(drawn)


def size(count: float) -> str:
    """Bytes as people read them: 1.5 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def count(number: int, what: str, many: str = "") -> str:
    """`1 peer`, `3 peers`."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"
