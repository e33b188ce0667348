#!/usr/bin/env python3
"""Kill the processes of a node's services with SIGKILL, one after the other, while the node works.

    scripts/kill_children.py                        a kill every 2 seconds, for 30 seconds
    scripts/kill_children.py --seconds 120          for two minutes
    scripts/kill_children.py --json                 the numbers for programs

A node has every service that may be apart in a process of its own, and LMDB; three peers and it put and get all the
time. At the end everything that was acknowledged is looked for, from the node and from a peer. Exit code 1 where
anything is lost, a get failed, or the node ended.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.command import Parser
from lib.command import run as run_script

from tests.live.workload import APART, Workload, kill, processes


def run(seconds: float, every_s: float, directory: Path) -> dict[str, Any]:
    """The whole course; its numbers."""
    kills: Counter[str] = Counter()
    with Workload(directory / "node", APART) as load:
        until_s = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < until_s:
            time.sleep(every_s)
            there = processes(load.node)
            name = sorted(there)[turn % len(there)]
            pid = there[name][(turn // len(there)) % len(there[name])]
            turn += 1
            try:
                kill(pid)
            except ProcessLookupError:
                continue
            kills[name] += 1
            print(
                f"{turn:>4}  {name:<10} {pid:>8}  {load.counts.puts:,} puts, {load.counts.gets:,} gets", file=sys.stderr
            )
        load.stop()
        load.look_for_all()
        rows = load.node.services()
        counts = load.counts
    return {
        "seconds": seconds,
        "kills": dict(kills),
        "puts": counts.puts,
        "gets": counts.gets,
        "failed_puts": dict(counts.failed_puts),
        "failed_gets": counts.failed_gets,
        "slowest_put_s": counts.slowest_put_s,
        "slowest_get_s": counts.slowest_get_s,
        "lost": counts.lost,
        "restarts": {row.name: row.restarts for row in rows if row.restarts},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long (default: 30)")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between kills (default: 2)")
    parser.add_argument("--json", action="store_true", help="numbers for programs")
    options = parser.parse_args(arguments)
    logging.getLogger("ipc").setLevel(logging.CRITICAL)  # it says of every kill what is known here
    with tempfile.TemporaryDirectory() as directory:
        numbers = run(options.seconds, options.every, Path(directory))
    if options.json:
        print(json.dumps(numbers))
    else:
        for name, count in sorted(numbers["kills"].items()):
            print(f"killed      {name:<10} {count:>4} times, started again {numbers['restarts'].get(name, 0)}")
        print(f"puts        {numbers['puts']:,} acknowledged, slowest {numbers['slowest_put_s']:.2f} s")
        for error, count in numbers["failed_puts"].items():
            print(f"            {count} not: {error}")
        print(f"gets        {numbers['gets']:,} answered, slowest {numbers['slowest_get_s']:.2f} s")
        print(f"failed gets {len(numbers['failed_gets'])}")
        print(f"lost        {len(numbers['lost'])}")
    for wrong in [*numbers["failed_gets"][:10], *numbers["lost"][:10]]:
        print(wrong, file=sys.stderr)
    return 1 if numbers["lost"] or numbers["failed_gets"] else 0


if __name__ == "__main__":
    sys.exit(run_script(main))
