"""Simulate days of a network with churn, on virtual time, and show what became of its records.

    python scripts/simulate.py                      three lives of four days, about two minutes on one core
    python scripts/simulate.py --nodes 40 --days 7 --churn 1800 --seeds 1

Every record put at the beginning is looked for by two nodes at each check. What is not found is listed, and the exit
code is 1.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.command import Parser
from lib.command import run as run_script
from rich.console import Console
from rich.table import Table

from mdht.simulation import Life, run


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("--nodes", type=int, default=24, help="nodes at a time (24)")
    parser.add_argument("--days", type=float, default=4.0, help="virtual days (4)")
    parser.add_argument("--churn", type=float, default=3_600.0, help="seconds between two departures (3600)")
    parser.add_argument("--records", type=int, default=50, help="records of each kind (50)")
    parser.add_argument("--checks", type=int, default=4, help="times that everything is looked for (4)")
    parser.add_argument("--loss", type=float, default=0.0, help="share of pieces lost and sent again (0)")
    parser.add_argument("--seeds", type=int, default=3, help="lives, each with a seed of its own (3)")
    args = parser.parse_args(arguments)
    table = Table(title=f"{args.nodes} nodes, {args.days:g} days, one leaves and one joins every {args.churn:g} s")
    for name in (
        "seed",
        "left",
        "crashed",
        "looked for",
        "lost",
        "replicas",
        "puts a node and day",
        "messages",
        "took s",
    ):
        table.add_column(name, justify="right")
    lost: list[str] = []
    for seed in range(1, args.seeds + 1):
        began_s = time.perf_counter()
        life = Life(
            nodes=args.nodes,
            days=args.days,
            seed=seed,
            churn_s=args.churn,
            content=args.records,
            owned=args.records,
            checks=args.checks,
            loss=args.loss,
            retry_s=0.2 if args.loss else Life().retry_s,
        )
        report = run(life)
        lost += [f"seed {seed}, {what}" for what in report.lost]
        table.add_row(
            str(seed),
            str(report.left),
            str(report.crashed),
            f"{report.looked_for:,}",
            str(len(report.lost)),
            f"{report.replicas:.1f}",
            f"{report.upkeep.puts / args.nodes / args.days:,.0f}",
            f"{report.messages:,}",
            f"{time.perf_counter() - began_s:.0f}",
        )
    console = Console()
    console.print(table)
    for what in lost:
        console.print(what)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(run_script(main))
