#!/usr/bin/env python3
"""Divide the store of a node that does not run into another number of parts.

    scripts/reshard.py DATA_DIR                 how it is divided now, and what is in each part
    scripts/reshard.py DATA_DIR --parts 4       divide it; with a progress bar where stderr is a terminal
    scripts/reshard.py DATA_DIR --parts 4 --json

A node divides its store by itself when it starts with another number of store processes than before
(`[services] store = "process:4"`); with many millions of records this is how to have it done beforehand. Interrupted,
even by SIGKILL, it goes on from where it was the next time. Place the store in as many parts in the node's
configuration, or its next start divides it back.

Exit code 0: done; 9: a node runs there; others are below.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.command import Parser, Usage, run

from mdht.data_dir import STORE_DIR, DataDirLock
from mdht.store.lmdb import numbers_of, read_layout, settle
from mdht.store.parts import MOST_PARTS
from mdht.store.reshard import Progress, Told


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("data_dir", help="the node's data directory")
    parser.add_argument("--parts", type=int, help="into how many parts (default: only show them)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, no progress")
    options = parser.parse_args(arguments)
    if options.parts is not None and not 1 <= options.parts <= MOST_PARTS:
        raise Usage(f"--parts: 1 to {MOST_PARTS}, not {options.parts}")
    if not os.path.isdir(options.data_dir):
        raise Usage(f"{options.data_dir}: no such directory")
    path = os.path.join(options.data_dir, STORE_DIR)
    began_s = time.monotonic()
    lock = DataDirLock(options.data_dir)
    try:
        before = read_layout(path).parts
        if options.parts is not None:
            with progress(options.json) as told, stopped_by_signals() as stop:
                settle(path, options.parts, told, stop=stop)
        report = {"before": before, **look(path), "seconds": round(time.monotonic() - began_s, 3)}
    finally:
        lock.release()
    if options.json:
        print(json.dumps(report))
    else:
        show(report)
    return 0


def look(path: str) -> dict[str, Any]:
    """How the store is divided now."""
    layout = read_layout(path)
    held = [{"records": one.records, "bytes": one.bytes, "file_bytes": one.file_bytes} for one in numbers_of(path)]
    return {"parts": layout.parts, "settled": layout.settled, "held": held}


def show(report: dict[str, Any]) -> None:
    now, before = report["parts"], report["before"]
    print(f"{now} part{'s' * (now > 1)}" + (f", before: {before}, in {report['seconds']:.1f} s" * (now != before)))
    if not report["settled"]:
        print("a division was interrupted: the next one goes on with it")
    for number, one in enumerate(report["held"]):
        print(f"{number:>5}  {one['records']:>12,} records  {one['bytes']:>15,} bytes, a file of {one['file_bytes']:,}")


@contextmanager
def progress(quiet: bool) -> Iterator[Told]:
    """A bar on stderr where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("dividing the store", total=None)

        def told(now: Progress) -> None:
            bar.update(task, completed=now.done, total=now.total)

        yield told


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM end it after the page that it is at."""
    stop = threading.Event()
    kept = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(run(main))
