#!/usr/bin/env python3
"""Say where the time of one service of a running node goes.

    scripts/profile_service.py SERVICE [DATA_DIR] [--seconds 10] [--top 20]
    scripts/profile_service.py store --flame store.svg       a flame graph, too (py-spy only)
    scripts/profile_service.py store --folded store.txt      the stacks, for speedscope and others (py-spy only)

With py-spy (pip install py-spy) any node can be looked at, and is hardly slowed down; the kernel may want root, or
kernel.yama.ptrace_scope=0. Without it, cProfile is used in the process itself, where every call costs more; then the
node has to be started as `scripts/lib/profiled/sitecustomize.py` says. A process is profiled as a whole: where others
live there too, that is said, and the shares by file of `mdht.services` tell them apart. `--json` is for programs.
"""

from __future__ import annotations

import argparse
import json
import os
import pstats
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mdht.control import ServiceRow
from mdht.data_dir import default_data_dir
from mdht.errors import MdhtError
from mdht.remote import RemoteNode
from mdht.tuning.stacks import Place, Profile, profile_of

RATE = 200
"""Samples a second: 2,000 in ten seconds tell 1 % of the time to a fifth."""
WRITE_S = 20.0
"""Seconds for a profile to be written."""


class CannotProfile(Exception):
    """Neither way works; the text says what would."""


def by_py_spy(tool: str, pid: int, seconds: float, folded: Path, flame: str | None) -> Profile:
    """Sample a process; the flame graph is of a second sampler at the same time."""

    def record(form: str, target: str) -> subprocess.Popen[bytes]:
        command = [tool, "record", "--pid", str(pid), "--duration", str(max(1, round(seconds))), "--rate", str(RATE)]
        command += ["--nonblocking", "--format", form, "--output", target]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    running = [record("raw", str(folded))]
    if flame:
        running.append(record("flamegraph", flame))
    for one in running:
        _, said = one.communicate(timeout=seconds + WRITE_S)
        if one.returncode:
            raise CannotProfile(f"py-spy: {said.decode(errors='replace').strip().splitlines()[-1:]}")
    with folded.open() as lines:
        return profile_of(lines)


def by_cprofile(pid: int, seconds: float) -> Profile:
    """Let a process profile itself. Never sends the signal to one that does not expect it: that would end it."""
    where = _environment(pid).get("MDHT_PROFILE_DIR")
    if not where or not _catches(pid, signal.SIGUSR2):
        raise CannotProfile(
            "py-spy is not installed, and the node was not started for cProfile: install py-spy, or start it as "
            "scripts/lib/profiled/sitecustomize.py says"
        )
    target = Path(where, f"{pid}.pstats")
    target.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR2)
    time.sleep(seconds)
    os.kill(pid, signal.SIGUSR2)
    until_s = time.monotonic() + WRITE_S
    while not target.exists():
        if time.monotonic() > until_s:
            raise CannotProfile(f"process {pid} has written no {target}")
        time.sleep(0.05)
    return _from_pstats(target)


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
    """Each process of the service, one after the other."""
    tool = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    found = {}
    for at, pid in enumerate(row.pids[: options.processes]):
        if tool is None:
            found[pid] = by_cprofile(pid, options.seconds)
            continue
        with tempfile.TemporaryDirectory() as directory:
            kept = Path(directory, "stacks") if options.folded is None else _numbered(options.folded, at)
            flame = str(_numbered(options.flame, at)) if options.flame else None
            found[pid] = by_py_spy(tool, pid, options.seconds, kept, flame)
    return found


def _numbered(path: str, at: int) -> Path:
    return Path(path) if at == 0 else Path(path).with_stem(f"{Path(path).stem}-{at + 1}")


def show(row: ServiceRow, beside: dict[int, list[str]], found: dict[int, Profile], top: int) -> None:
    for pid, one in found.items():
        others = f"; here too: {', '.join(beside[pid])}" if beside[pid] else ""
        print(f"{row.name} ({row.placement}) in process {pid}, {one.samples:,} samples{others}")
        for name, share in one.modules:
            print(f"  {share:>6.1%}  {name}")
        print(f"{'self':>8}{'total':>8}  function")
        for place in one.places[:top]:
            print(f"{place.self_share:>8.1%}{place.total_share:>8.1%}  {place.name}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service", metavar="SERVICE", help="its name, as `mdht place` shows it")
    parser.add_argument("data_dir", nargs="?", metavar="DATA_DIR", help="of the node")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long (default: 10)")
    parser.add_argument("--top", type=int, default=20, metavar="N", help="functions (default: 20)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="how many of its processes (default: 1)")
    parser.add_argument("--flame", metavar="FILE.svg", help="write a flame graph")
    parser.add_argument("--folded", metavar="FILE", help="write the stacks")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    try:
        with RemoteNode(options.data_dir or default_data_dir()) as node:
            rows = {row.name: row for row in node.services()}
        if options.service not in rows:
            raise CannotProfile(f"no service {options.service!r}: there are {', '.join(rows)}")
        row = rows[options.service]
        found = profile(row, options)
    except (MdhtError, CannotProfile) as error:
        print(error, file=sys.stderr)
        return 1
    beside = {pid: [name for name, one in rows.items() if pid in one.pids and name != row.name] for pid in found}
    if options.json:
        told = {
            str(pid): {**asdict(one), "places": [asdict(place) for place in one.places[: options.top]]}
            for pid, one in found.items()
        }
        print(json.dumps({"service": row.name, "placement": row.placement, "beside": beside, "processes": told}))
    else:
        show(row, beside, found, options.top)
    return 0


if __name__ == "__main__":
    sys.exit(main())
