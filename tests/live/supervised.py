"""A program with two watched processes, which says how they are for each line that it reads: `python -m
tests.live.supervised`.
"""

from __future__ import annotations

import json
import signal
import sys

from ipc import Supervisor
from ipc.tree import watchdog

from .footprint import descendants
from .services import Where

WATCHDOG_S = 0.8
"""Seconds; a process that does not answer has as long, and not two seconds."""


def main() -> None:
    watchdog.WATCHDOG_SILENT_S = WATCHDOG_S  # type: ignore[misc]
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with Supervisor() as tree:
        for name in ("one", "other"):
            tree.add(name, Where(), "process", watchdog_s=WATCHDOG_S)
        print(json.dumps(sorted(descendants())), flush=True)
        for _ in sys.stdin:
            answers = [tree.client(name).call(0)[0] for name in ("one", "other")]
            told = {one.name: [one.hangs, one.restarts, one.silent_s] for one in tree.stats().values()}
            print(json.dumps({"pids": answers, "told": told}), flush=True)


if __name__ == "__main__":
    main()
