#!/usr/bin/env python3
"""Hours of mixed load on a network of process nodes, with moves, kills of processes and restarts of nodes.

    scripts/soak.py                             an hour
    scripts/soak.py --minutes 1440              a day; a line a minute
    scripts/soak.py --minutes 5 --json          five minutes, the numbers for programs

Records are in LMDB with three copies each, from a bounded set, so memory and descriptors have to stay where they are.
Every answer is checked; at the end everything that was acknowledged is looked for. Exit code 1 where an answer was
wrong or missing, something grew beyond its tolerance (a robust slope, see `mdht.tuning.trend`; judged from three
minutes on), or a node did not come back. Four nodes take 31 processes, 1.5 GiB, and whatever cores there are.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.command import Parser, Usage, run

from mdht.tuning.soak import TOLERANCES, Outcome, Plan, Soak


def show(outcome: Outcome) -> None:
    counts = outcome.counts
    print(f"ran           {outcome.seconds:,.0f} s")
    print(f"puts          {counts.puts:,} acknowledged; failed: {dict(counts.failed_puts) or 'none'}")
    print(f"gets          {counts.gets:,} right, slowest {counts.slowest_s:.2f} s; made again {counts.again:,} times")
    print(f"looked for    {outcome.found:,} records at the end; wrong or missing in all: {len(counts.wrong)}")
    print(f"torment       {outcome.moves} moves, {outcome.kills} kills, {outcome.restarts} restarts of nodes")
    if outcome.refused:
        print(f"moves refused {dict(outcome.refused)}")
    for name, one in outcome.services.items():
        print(f"{name:<14}{one['restarts']} restarts, {one['hangs']} hangs; {one['last_error']}")
    print(f"{'':<14}{'level':>10}{'growth':>10}{'an hour':>10}{'tolerated':>11}")
    for name, one in outcome.trends.items():
        slack, share = TOLERANCES[name]
        most = max(slack, share * one.level)
        print(f"{name:<14}{one.level:>10,.0f}{one.growth:>+10.1f}{one.per_hour:>+10.1f}{most:>11.1f}")
    for fault in outcome.faults:
        print(f"FAULT: {fault}")
    if outcome.faults and outcome.log:
        print("the last lines of node 0:\n  " + "\n  ".join(outcome.log))
    print("passed" if not outcome.faults else f"{len(outcome.faults)} faults")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--nodes", type=int, default=4, help="2 or more (default: 4)")
    parser.add_argument("--move-every", type=float, default=10.0, metavar="S", help="seconds (default: 10)")
    parser.add_argument("--kill-every", type=float, default=15.0, metavar="S", help="seconds (default: 15)")
    parser.add_argument("--restart-every", type=float, default=40.0, metavar="S", help="seconds (default: 40)")
    parser.add_argument("--seed", type=int, default=1, help="of what is chosen (default: 1)")
    parser.add_argument("--json", action="store_true", help="numbers for programs; lines go to stderr")
    options = parser.parse_args(arguments)
    if options.nodes < 2 or options.minutes <= 0:
        raise Usage("a soak has 2 nodes or more, and some minutes")
    logging.basicConfig(level="ERROR")
    plan = Plan(
        seconds=options.minutes * 60,
        nodes=options.nodes,
        move_every_s=options.move_every,
        kill_every_s=options.kill_every,
        restart_every_s=options.restart_every,
        seed=options.seed,
    )
    outcome = Soak(plan, lambda line: print(line, file=sys.stderr, flush=True)).run()
    if options.json:
        print(json.dumps(outcome.plain()))
    else:
        show(outcome)
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(run(main))
