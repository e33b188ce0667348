#!/usr/bin/env python3
"""Move the services of a node from place to place while it works.

    scripts/moves.py                    100 moves of a node that begins on one thread
    scripts/moves.py --scaled           the same where links live in two processes
    scripts/moves.py --moves 1000       more of them
    scripts/moves.py --json             the numbers for programs

Every service goes through threads, coroutines and processes, over every channel, while the node and two peers put and
get without a pause. At the end everything that was acknowledged is looked for, and the node's threads, descriptors and
processes are counted. Exit code 1 where anything is lost or left over, or a get failed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import psutil
from lib.command import Parser
from lib.command import run as run_script

from tests.live.moving import SCALED, WHERE, route
from tests.live.workload import Workload


def run(moves: int, scaled: bool, seed: int, directory: Path) -> dict[str, Any]:
    """The whole course; its numbers."""
    where = SCALED if scaled else WHERE
    first = {name: places[0] for name, places in where.items()}
    if scaled:
        first["local"] = first["links"]
    took: dict[str, list[float]] = defaultdict(list)
    with Workload(directory / "node", first, seed=seed) as load:
        for placement in ("process", first["files"]):
            load.node.move("files", placement)  # what the interpreter itself keeps for processes is there then
        held = _held()
        for number, (name, placement) in enumerate(route(where, seed)):
            if number == moves:
                break
            done = load.node.move(name, placement)
            took[name].append(done.took_s)
            counts = load.counts
            told = f"{counts.puts:,} puts, {counts.gets:,} gets, {len(counts.failed_gets)} failed"
            print(f"{number + 1:>4}  {name:<10} {done.after:<24} {done.took_s:6.3f} s   {told}", file=sys.stderr)
        for name, placement in first.items():
            if name != "local" or not scaled:
                load.node.move(name, placement)
        load.stop()
        load.look_for_all()
        lost_commands = {row.name: row.lost for row in load.node.services() if row.lost}
        left, counts = _held(), load.counts
    return {
        "moves": {name: len(times) for name, times in took.items()},
        "slowest_move_s": {name: max(times) for name, times in took.items()},
        "puts": counts.puts,
        "gets": counts.gets,
        "slowest_put_s": counts.slowest_put_s,
        "slowest_get_s": counts.slowest_get_s,
        "failed_puts": dict(counts.failed_puts),
        "failed_gets": counts.failed_gets,
        "lost": counts.lost,
        "lost_commands": lost_commands,
        "held_before": held,
        "held_after": left,
    }


def _held() -> dict[str, int]:
    """What this process has; a few seconds of patience, for what is on its way out."""
    me = psutil.Process()
    time.sleep(2)
    return {"threads": me.num_threads(), "descriptors": me.num_fds(), "processes": len(me.children(recursive=True))}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--moves", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--scaled", action="store_true", help="with links in two processes")
    parser.add_argument("--seed", type=int, default=1, help="decides their order (default: 1)")
    parser.add_argument("--json", action="store_true", help="numbers for programs")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        numbers = run(options.moves, options.scaled, options.seed, Path(directory))
    if options.json:
        print(json.dumps(numbers))
    else:
        for name, count in sorted(numbers["moves"].items()):
            print(f"moved       {name:<10} {count:>4} times, slowest {numbers['slowest_move_s'][name]:.2f} s")
        print(f"puts        {numbers['puts']:,} acknowledged, slowest {numbers['slowest_put_s']:.2f} s")
        for error, count in numbers["failed_puts"].items():
            print(f"            {count} not: {error}")
        print(f"gets        {numbers['gets']:,} answered, slowest {numbers['slowest_get_s']:.2f} s")
        print(f"failed gets {len(numbers['failed_gets'])}")
        print(f"lost        {len(numbers['lost'])}")
        for what, before in numbers["held_before"].items():
            print(f"{what:<11} {before} before, {numbers['held_after'][what]} after")
    for wrong in [*numbers["failed_gets"][:10], *numbers["lost"][:10]]:
        print(wrong, file=sys.stderr)
    return 1 if numbers["lost"] or numbers["failed_gets"] else 0


if __name__ == "__main__":
    sys.exit(run_script(main))
