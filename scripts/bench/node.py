"""Networks of our nodes beside what people use today, measured in one run: 256-byte values, put and get.

Systems take turns, so that a slow minute of the machine falls on all of them; what is shown is the median. Every turn
brings up a network of its own on the loopback, warms it up, puts, and gets from nodes that do not hold the value,
comparing each. CPU is that of all processes of the network. One at a time, the first process asks; in windows of 32,
all processes do, sharing them (`--drivers one`: the first alone). `--loss` ends a quarter of the nodes without goodbye,
by SIGKILL (`killed`) or SIGSTOP (`frozen`), and gets at once. `--files` then runs `files.py` for files of those sizes.

    python scripts/bench/node.py                        all
    python scripts/bench/node.py --quick                16 nodes in 2 processes, one turn, no loss: about a minute
    python scripts/bench/node.py --only 'owned|mutable' --nodes 16 --repeat 3
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))  # measures this checkout, installed or not

from machine import machine, version
from networks import SYSTEMS, System
from networks.chart import draw
from networks.layout import Layout, even, quarter_lost
from networks.report import losses, notes, rates, versus_table
from networks.result import Result, combine, versus
from networks.turn import Run, turn

START_S, LOSS_S, FILE_S = 8.0, 60.0, 90.0
"""Seconds of a turn beside what is measured, of one with a loss, in which some wait for time-outs, and of the files: to
foretell.
"""

FILES = Path(__file__).with_name("files.py")

PACKAGES = ("libtorrent", "opendht", "kademlia", "msgspec", "pyOpenSSL", "cryptography", "lmdb", "uvloop")


class Bench:
    """The turns of all systems, and what came of them."""

    def __init__(self, systems: Sequence[System], layouts: Sequence[Layout], seconds: float, every: bool) -> None:
        self.systems, self.layouts, self.seconds, self.every = systems, layouts, seconds, every
        self.runs: dict[tuple[str, str, str], list[Run]] = {}
        self.failed: dict[str, str] = {}

    def turns(self, layout: Layout) -> None:
        """One turn of each system; a failure is kept, and ends the turns of that system in that layout."""
        for system in self.systems:
            what = f"{system.name}, {layout.name}"
            if what in self.failed:
                continue
            try:
                for run in turn(system, layout, self.seconds, self.every):
                    self.runs.setdefault((system.name, layout.name, run.mode), []).append(run)
            except Exception as error:
                self.failed[what] = f"{type(error).__name__}: {error}".splitlines()[0]
                print(f"{what}: FAILED: {self.failed[what]}", file=sys.stderr)

    def results(self) -> list[Result]:
        """Medians, in the order of layouts and systems."""
        order = {layout.name: number for number, layout in enumerate(self.layouts)}
        keys = sorted(self.runs, key=lambda key: order[key[1]])
        return [combine(*key, self.runs[key]) for key in keys]


def main() -> int:
    options = arguments()
    systems = [one for one in SYSTEMS if re.search(options.only, one.name)]
    missing = [one.name for one in systems if not one.installed]
    systems = [one for one in systems if one.installed]
    layouts = [even(nodes, processes) for nodes in options.nodes for processes in options.processes]
    layouts += [quarter_lost(nodes, max(options.processes), loss) for nodes in options.nodes for loss in options.loss]
    info: dict[str, object] = {**machine(), "versions": {name: version(name) for name in PACKAGES}}
    print(", ".join(f"{key} {value}" for key, value in info.items() if key != "versions"))
    print(", ".join(f"{name} {version(name) or 'not installed'}" for name in PACKAGES))
    print(f"takes about {foretold(systems, layouts, options) / 60:.0f} minutes", flush=True)
    bench = Bench(systems, layouts, options.seconds, options.drivers == "all")
    begun = time.monotonic()
    for repetition in range(options.repeat):
        for layout in layouts:
            if layout.loss and repetition >= options.loss_repeat:
                continue
            print(f"repetition {repetition + 1} of {options.repeat}, {layout.name}", file=sys.stderr, flush=True)
            bench.turns(layout)
    report(bench, missing, options, info)
    for mib in options.files:
        print(f"\na file of {mib:,} MiB", flush=True)
        subprocess.run([sys.executable, str(FILES), "--size", str(mib), "--files", "0"], check=False)
    print(f"took {(time.monotonic() - begun) / 60:.1f} minutes")
    return 1 if bench.failed else 0


def foretold(systems: Sequence[System], layouts: Sequence[Layout], options: argparse.Namespace) -> float:
    """Seconds that all turns will take."""
    whole = sum(options.repeat * (START_S + 4 * options.seconds) for layout in layouts if not layout.loss)
    lost = sum(min(options.repeat, options.loss_repeat) * LOSS_S for layout in layouts if layout.loss)
    return len(systems) * (whole + lost) + FILE_S * len(options.files)


def report(bench: Bench, missing: Sequence[str], options: argparse.Namespace, info: dict[str, object]) -> None:
    """Print the tables; write the JSON and the chart."""
    results = bench.results()
    lines: list[str] = []
    for layout in bench.layouts:
        lines += (losses if layout.loss else rates)(results, layout.name)
    whole = [one for one in results if one.layout in {layout.name for layout in bench.layouts if not layout.loss}]
    rows = versus(whole, bench.systems)
    lines += versus_table(rows)
    lines += notes({one.name: one.make().notes for one in bench.systems}, results, missing, bench.failed)
    print("\n".join(lines))
    if options.json:
        facts = {
            "machine": info,
            "options": vars(options),
            "results": [dataclasses.asdict(one) for one in results],
            "versus": [{**dataclasses.asdict(one), "verdict": one.verdict} for one in rows],
            "failed": bench.failed,
            "not_installed": missing,
        }
        Path(options.json).write_text(json.dumps(facts, indent=1) + "\n")
    if options.chart and whole:
        shown = next((one.layout for one in whole if "processes" in one.layout), whole[0].layout)
        caption = f"256-byte values, {info['cores']} cores, {info['python']}, {info['loop']}"
        draw(options.chart, whole, {one.name for one in bench.systems if one.ours}, shown, caption)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="REGEX", help="systems in whose name it is found")
    parser.add_argument("--nodes", default="16,64", metavar="N,…", help="sizes of the network")
    parser.add_argument("--processes", default="1,2", metavar="N,…", help="over how many processes, each in its turn")
    parser.add_argument("--loss", default="killed,frozen", metavar="HOW,…", help="killed, frozen, or none")
    parser.add_argument("--drivers", choices=("all", "one"), default="all", help="processes that share a window of 32")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="turns of each system")
    parser.add_argument("--loss-repeat", type=int, default=1, metavar="N", help="turns with a loss, at most")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="of each measurement")
    parser.add_argument("--files", default="1,1024", metavar="MIB,…", help="sizes of files to share, or none")
    parser.add_argument("--quick", action="store_true", help="16 nodes, 2 processes, one turn, no loss, no files")
    parser.add_argument("--json", metavar="FILE", help="write all figures and the machine")
    parser.add_argument("--chart", metavar="FILE", help="draw a PNG of the first layout of several processes")
    options = parser.parse_args()
    if options.quick:
        options.nodes, options.processes, options.loss, options.files = "16", "2", "", ""
        options.repeat, options.seconds = 1, 0.5
    options.nodes = [int(one) for one in options.nodes.split(",")]
    options.processes = [int(one) for one in options.processes.split(",")]
    options.loss = [one for one in options.loss.split(",") if one not in ("", "none")]
    options.files = [int(one) for one in options.files.split(",") if one not in ("", "none")]
    for wrong in {*options.loss} - {"killed", "frozen"}:
        parser.error(f"--loss {wrong}: killed, frozen, or none")
    return options


if __name__ == "__main__":
    sys.exit(main())
