#!/usr/bin/env python3
"""Say where the time of one service of a running node goes.

    scripts/profile_service.py SERVICE [DATA_DIR] [--seconds 10] [--top 20]
    scripts/profile_service.py store --flame store.svg       a flame graph, too (py-spy only)
    scripts/profile_service.py store --folded store.txt      the stacks, for speedscope and others (py-spy only)

With py-spy (pip install py-spy) any node can be looked at, and is hardly slowed down; the kernel may want root, or
kernel.yama.ptrace_scope=0. Without it, cProfile is used in the process itself, where every call costs more; then the
node has to be started as `scripts/lib/profiled/sitecustomize.py` says. A process is profiled as a whole: where others
live there too, that is said, and the shares by file of `mdht.services` tell them apart. All processes of the service
are profiled, at once, unless `--processes` says fewer. Only what runs is sampled, so one that was idle has no profile;
exit code 1 where all were. `--json` is for programs.
"""

from __future__ import annotations

import argparse
import json
import os
import pstats
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.command import Parser, Usage, Wrong, check_target, count, run, seconds

from mdht.control import ServiceRow
from mdht.data_dir import default_data_dir
from mdht.remote import RemoteNode
from mdht.tuning.stacks import Place, Profile, profile_of

RATE = 200
"""Samples a second: 2,000 in ten seconds tell 1 % of the time to a fifth."""
WRITE_S = 20.0
"""Seconds for a profile to be written."""
_NO_SAMPLES = "No stack counts found"
"""What py-spy says where a process did nothing."""


class CannotProfile(Wrong):
    """Neither way works; the text says what would."""


class Idle(Wrong):
    """There was nothing to see."""


def by_py_spy(tool: str, pids: Sequence[int], length_s: float, folded: list[Path], flames: list[Path]) -> list[Profile]:
    """Sample processes, all at once; flame graphs, one for each or none, are of second samplers at the same time.

    py-spy counts in whole seconds, one at the least.
    """

    def record(pid: int, form: str, target: Path) -> subprocess.Popen[bytes]:
        command = [tool, "record", "--pid", str(pid), "--duration", str(max(1, round(length_s))), "--rate", str(RATE)]
        command += ["--nonblocking", "--format", form, "--output", str(target)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    running = [record(pid, "raw", target) for pid, target in zip(pids, folded, strict=True)]
    running += [record(pid, "flamegraph", target) for pid, target in zip(pids, flames, strict=False)]
    wrong = ""
    for number, one in enumerate(running):
        _, said = one.communicate(timeout=length_s + WRITE_S)
        text = said.decode(errors="replace")
        if one.returncode and not (number >= len(pids) and _NO_SAMPLES in text):
            wrong = wrong or _said_by_py_spy(text)
    if wrong and _NO_SAMPLES not in wrong:
        raise CannotProfile(f"py-spy could not look at process {', '.join(map(str, pids))}: {wrong}")
    return [profile_of(one.read_text().splitlines() if one.exists() else ()) for one in folded]


def _said_by_py_spy(text: str) -> str:
    """Its error and the reason, without the backtrace of the program."""
    lines = [line.strip() for line in text.partition("Stack backtrace")[0].splitlines() if line.strip()]
    told = [re.sub(r"^(Error|Reason): ", "", line) for line in lines if re.match("Error|Reason", line)]
    return "; ".join(told) or (lines[-1] if lines else "it says nothing of the reason")


def by_cprofile(pids: Sequence[int], length_s: float) -> list[Profile]:
    """Let processes profile themselves, all at once. Never sends the signal to one that does not expect it: that would
    end it.
    """
    targets = []
    for pid in pids:
        where = _environment(pid).get("MDHT_PROFILE_DIR")
        if not where or not _catches(pid, signal.SIGUSR2):
            raise CannotProfile(
                "py-spy is not installed, and the node was not started for cProfile: install py-spy, or start it as "
                "scripts/lib/profiled/sitecustomize.py says"
            )
        targets.append(Path(where, f"{pid}.pstats"))
        targets[-1].unlink(missing_ok=True)
    for pid in pids:
        os.kill(pid, signal.SIGUSR2)
    time.sleep(length_s)
    for pid in pids:
        os.kill(pid, signal.SIGUSR2)
    until_s = time.monotonic() + WRITE_S
    for pid, target in zip(pids, targets, strict=True):
        while not target.exists():
            if time.monotonic() > until_s:
                raise CannotProfile(f"process {pid} has written no {target}")
            time.sleep(0.05)
    return [_from_pstats(target) for target in targets]


def _from_pstats(path: Path) -> Profile:
    rows = pstats.Stats(str(path)).get_stats_profile().func_profiles
    total = sum(one.tottime for one in rows.values()) or 1.0
    places = [
        Place(f"{name} ({one.file_name}:{one.line_number})", one.tottime / total, min(1.0, one.cumtime / total))
        for name, one in rows.items()
    ]
    return Profile(0, tuple(sorted(places, key=lambda one: -one.self_share)), ())


def _environment(pid: int) -> dict[str, str]:
    try:
        parts = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(part.split("=", 1) for part in parts if "=" in part)


def _catches(pid: int, number: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)


def profile(row: ServiceRow, options: argparse.Namespace) -> dict[int, Profile]:
    """Processes of the service, by their id."""
    tool = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    pids = list(dict.fromkeys(row.pids))[: options.processes]
    if not pids:
        raise CannotProfile(f"{row.name} has no process now: it is being started again")
    if tool is None:
        if options.flame or options.folded:
            raise CannotProfile("--flame and --folded need py-spy, which is not installed")
        return dict(zip(pids, by_cprofile(pids, options.seconds), strict=True))
    with tempfile.TemporaryDirectory() as directory:
        kept = [_numbered(options.folded or str(Path(directory, "stacks.txt")), at) for at in range(len(pids))]
        flames = [_numbered(options.flame, at) for at in range(len(pids))] if options.flame else []
        return dict(zip(pids, by_py_spy(tool, pids, options.seconds, kept, flames), strict=True))


def _numbered(path: str, at: int) -> Path:
    return Path(path) if at == 0 else Path(path).with_stem(f"{Path(path).stem}-{at + 1}")


def show(row: ServiceRow, beside: dict[int, list[str]], found: dict[int, Profile], options: argparse.Namespace) -> None:
    there = len(set(row.pids))
    if len(found) < there:
        print(f"{len(found)} of {there} processes of {row.name}; --processes {there} is all")
    for pid, one in found.items():
        others = f"; here too: {', '.join(beside[pid])}" if beside[pid] else ""
        samples = f", {one.samples:,} samples" if one.samples else ""
        print(f"{row.name} ({row.placement}) in process {pid}{samples}{others}")
        if not one.places:
            print(f"  idle: it did nothing in {options.seconds:g} s that a sample met")
            continue
        for name, share in one.modules:
            print(f"  {share:>6.1%}  {name}")
        print(f"{'self':>8}{'total':>8}  function")
        for place in one.places[: options.top]:
            print(f"{place.self_share:>8.1%}{place.total_share:>8.1%}  {place.name}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("service", metavar="SERVICE", help="its name, as `mdht place` shows it")
    parser.add_argument("data_dir", nargs="?", metavar="DATA_DIR", help="of the node")
    parser.add_argument(
        "--seconds", type=seconds(0.1, 3_600), default=10.0, metavar="S", help="how long, 0.1 to 3600 (default: 10)"
    )
    parser.add_argument("--top", type=count(1, 10_000), default=20, metavar="N", help="functions (default: 20)")
    parser.add_argument(
        "--processes", type=count(1, 1_024), metavar="N", help="how many of its processes (default: all)"
    )
    parser.add_argument("--flame", metavar="FILE.svg", help="write a flame graph; of further processes, FILE-2.svg …")
    parser.add_argument("--folded", metavar="FILE", help="write the stacks; of further processes, FILE-2 …")
    parser.add_argument("--json", action="store_true", help="for programs; errors, too")
    options = parser.parse_args(arguments)
    check_target("--flame", options.flame)
    check_target("--folded", options.folded)
    with RemoteNode(options.data_dir or default_data_dir()) as node:
        rows = {row.name: row for row in node.services()}
    if options.service not in rows:
        raise Usage(f"no service {options.service!r}: there are {', '.join(rows)}")
    row = rows[options.service]
    found = profile(row, options)
    if not any(one.places for one in found.values()):
        raise Idle(
            f"{row.name} was idle for {options.seconds:g} s, so there is nothing to profile: give the node its load, "
            "or look longer (--seconds)"
        )
    beside = {pid: [name for name, one in rows.items() if pid in one.pids and name != row.name] for pid in found}
    if options.json:
        processes = {
            str(pid): {**asdict(one), "places": [asdict(place) for place in one.places[: options.top]]}
            for pid, one in found.items()
        }
        told = {"service": row.name, "placement": row.placement, "beside": beside, "pids": sorted(set(row.pids))}
        print(json.dumps({**told, "processes": processes}))
    else:
        show(row, beside, found, options)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
