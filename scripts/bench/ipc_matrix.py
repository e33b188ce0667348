"""Every placement of ipc beside what people would use instead, measured in one run.

Subjects take turns, repetition by repetition, so that a slow minute of the machine falls on all of them; what is
shown is the median. CPU counts this process and all that answer it.

    python scripts/bench/ipc_matrix.py                          all, about 25 minutes
    python scripts/bench/ipc_matrix.py --quick --sizes 100      all with 100 bytes, about 3 minutes
    python scripts/bench/ipc_matrix.py --only 'process|socket'  rows (and modes: 'process.* one_way') by name
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))  # measures this checkout, installed or not

import peers
from budgets import budgets, versus
from call_cost import call_cost
from cells import cells
from chart import draw
from machine import machine
from measure import Result, Run, calibrate, combine, run
from report import budget_table, faults, matrix, versus_table
from subject import WINDOW, Subject
from table import number, size_name


class Bench:
    """The turns of all subjects, and what came of them."""

    def __init__(self, subjects: Sequence[Subject], sizes: Sequence[int], only: str, seconds: float) -> None:
        self.subjects, self.sizes, self.seconds = subjects, sizes, seconds
        self.chosen = re.compile(only)
        self.counts: dict[tuple[str, int, str], int] = {}
        self.runs: dict[tuple[str, int, str], list[Run]] = {}
        self.failed: dict[str, str] = {}

    def turn(self, subject: Subject, size: int) -> None:
        """One repetition of one subject at one size; a failure is kept, and ends the turns of that pair."""
        modes = [mode for mode in subject.modes if self.chosen.search(f"{subject.name} {mode}")]
        what = f"{subject.name}, {size_name(size)}"
        if not modes or what in self.failed:
            return
        try:
            try:
                subject.start(os.urandom(size))
                for mode in modes:
                    self.one(subject, mode, (subject.name, size, mode))
            finally:
                subject.stop()
        except Exception as error:
            self.failed[what] = f"{type(error).__name__}: {error}".splitlines()[0]
            print(f"{what}: FAILED: {self.failed[what]}", file=sys.stderr)

    def one(self, subject: Subject, mode: str, key: tuple[str, int, str]) -> None:
        run(subject, mode, max(WINDOW, self.counts.get(key, 0) // 20 // WINDOW * WINDOW))
        if key not in self.counts:
            self.counts[key] = calibrate(subject, mode, self.seconds)
        self.runs.setdefault(key, []).append(run(subject, mode, self.counts[key]))

    def results(self) -> list[Result]:
        return [
            combine(subject, size, mode, runs)
            for size in self.sizes
            for subject in self.subjects
            for mode in subject.modes
            if (runs := self.runs.get((subject.name, size, mode)))
        ]


def main() -> int:
    options = arguments()
    info = machine()
    ours = cells()
    others = [] if options.no_peers else peers.installed()
    missing = [] if options.no_peers else peers.missing()
    bench = Bench([*ours, *others], options.sizes, options.only, options.seconds)
    print(", ".join(f"{key} {value}" for key, value in info.items() if key != "versions"))
    print(", ".join(f"{key} {value or 'not installed'}" for key, value in info["versions"].items()))
    for repetition in range(1, options.repeat + 1):
        for size in options.sizes:
            print(f"repetition {repetition} of {options.repeat}, {size_name(size)}", file=sys.stderr)
            for subject in bench.subjects:
                bench.turn(subject, size)
    over = None
    if re.search(options.only, "inline+none one_in_flight"):
        try:
            over = call_cost(options.repeat, os.urandom(100))
        except Exception as error:
            bench.failed["inline+none call cost"] = f"{type(error).__name__}: {error}"
    results = bench.results()
    report(
        results, over, bench.failed, missing, [one.name for one in others], options, info, {one.name for one in ours}
    )
    return 1 if bench.failed else 0


def report(
    results: list[Result],
    over: dict[str, float] | None,
    failed: dict[str, str],
    missing: list[str],
    others: list[str],
    options: argparse.Namespace,
    info: dict[str, object],
    ours: set[str],
) -> None:
    limits = budgets(results, over and over["over"])
    rows = versus(results, others)
    lines = [*matrix(results)]
    if over:
        lines.append(
            "\na call through inline+none: " + ", ".join(f"{name} {number(ns)} ns" for name, ns in over.items())
        )
    print("\n".join([*lines, *budget_table(limits), *versus_table(rows), "", *faults(failed, missing)]))
    if options.json:
        facts = {
            "machine": info,
            "options": {"seconds": options.seconds, "repeat": options.repeat, "sizes": options.sizes},
            "results": [dataclasses.asdict(one) for one in results],
            "inline_call_ns": over,
            "budgets": [{**dataclasses.asdict(one), "ratio": one.ratio, "verdict": one.verdict} for one in limits],
            "versus": [{**dataclasses.asdict(one), "verdict": one.verdict} for one in rows],
            "failed": failed,
            "not_installed": missing,
        }
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n")
    if options.chart:
        size = min(options.sizes)
        caption = f"{size_name(size)}, {info['cores']} cores, {info['python']}, {info['loop']}"
        draw(options.chart, results, ours, size, caption)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", metavar="REGEX", help="rows whose 'name mode' it is found in")
    parser.add_argument("--sizes", default="100,4096,1048576", metavar="BYTES", help="default: %(default)s")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="repetitions, default %(default)s")
    parser.add_argument(
        "--seconds", type=float, default=1.0, metavar="S", help="of each measurement, default %(default)s"
    )
    parser.add_argument("--quick", action="store_true", help="0.2 seconds each")
    parser.add_argument("--no-peers", action="store_true", help="the cells of ipc alone")
    parser.add_argument("--json", metavar="FILE", help="write all figures and the machine")
    parser.add_argument("--chart", metavar="FILE", help="draw a PNG of the smallest size (needs matplotlib)")
    options = parser.parse_args()
    options.sizes = [int(size) for size in options.sizes.split(",")]
    options.seconds = 0.2 if options.quick else options.seconds
    return options


if __name__ == "__main__":
    sys.exit(main())
