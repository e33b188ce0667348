#!/usr/bin/env python3
"""Give each busy process of a running node a core of its own, and let background work be nicer.

    scripts/pin.py [DATA_DIR]                   look for two seconds, and show what would be done (the default)
    scripts/pin.py [DATA_DIR] --apply           do it
    scripts/pin.py [DATA_DIR] --undo --apply    CPUs and nice as the configuration has them again

The CPUs are those that this process may use, by /sys/devices/system/cpu; a process gets a core with its hyperthreads.
Who is busy is measured, so let the node be under its usual load; where there are not enough cores for the busy ones,
they share, and that is said. It lasts until the process ends: to keep it, write `affinity` and `nice` into
`[services.NAME]`. A lower nice than now needs CAP_SYS_NICE. `--json` writes the plan, and the configuration that keeps
it, for programs. Exit code 1 where something could not be set.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import psutil
from lib.command import Parser, Wrong, run, seconds

from mdht.config import Config
from mdht.control import ServiceRow
from mdht.data_dir import default_data_dir
from mdht.remote import RemoteNode
from mdht.tuning.pinning import NodeProcess, Pin, Plan, plan
from mdht.tuning.processes import cpu_of, spent
from mdht.tuning.topology import Core, allowed_cpus, read_cores


def processes(rows: list[ServiceRow], window_s: float) -> list[NodeProcess]:
    """Those of a node, with what is on them and what they use now. Blocks for so long."""
    pids = sorted({pid for row in rows for pid in row.pids})
    before, began_s = cpu_of(pids), time.monotonic()
    time.sleep(window_s)
    used, passed_s = spent(before, cpu_of(pids)), time.monotonic() - began_s
    return [
        NodeProcess(pid, tuple(row.name for row in rows if pid in row.pids), round(cpu / passed_s, 3))
        for pid, cpu in used.items()
    ]


def never_less_nice(made: Plan) -> Plan:
    """The same, but for those that are as nice already, or nicer: the configuration may have made them so."""
    pins = tuple(
        replace(pin, nice=None) if pin.nice is not None and psutil.Process(pin.pid).nice() >= pin.nice else pin
        for pin in made.pins
    )
    return replace(made, pins=pins)


def as_configured(rows: list[ServiceRow], main_pid: int, config: Config) -> Plan:
    """What undoes it. The node's own process has every CPU, and its nice is left: it was never changed."""
    usual = os.getpriority(os.PRIO_PROCESS, main_pid)
    pins = []
    for pid in sorted({pid for row in rows for pid in row.pids}):
        here = [row for row in rows if pid in row.pids]
        placed = [config.placed[row.name] for row in here]
        cpus = next((one.affinity for one in placed if one.affinity), allowed_cpus())
        nice = next((one.nice for one in placed if one.nice is not None), usual)
        pins.append(Pin(pid, tuple(row.name for row in here), cpus, None if pid == main_pid else nice))
    return Plan(tuple(pins), "as the configuration has it")


def set_all(pins: Sequence[Pin]) -> list[str]:
    """Set every thread of those processes; what could not be, in words."""
    wrong = []
    for pin in pins:
        try:
            for thread in psutil.Process(pin.pid).threads():
                _set(thread.id, pin)
        except (OSError, psutil.Error) as error:
            lower = isinstance(error, PermissionError) and pin.nice is not None
            right = " (a lower nice needs CAP_SYS_NICE: run this as root, or restart the node)" if lower else ""
            wrong.append(f"{pin.pid} ({', '.join(pin.services)}): {error}{right}")
    return wrong


def _set(thread: int, pin: Pin) -> None:
    try:
        os.sched_setaffinity(thread, pin.cpus)
        if pin.nice is not None and os.getpriority(os.PRIO_PROCESS, thread) != pin.nice:
            os.setpriority(os.PRIO_PROCESS, thread, pin.nice)
    except ProcessLookupError:
        return  # it has ended meanwhile


def kept_by(pins: Sequence[Pin], rows: list[ServiceRow], main_pid: int) -> dict[str, dict[str, object]]:
    """What keeps it, as `[services.NAME]`; services of one process share it, and the node's own process cannot."""
    kept: dict[str, dict[str, object]] = {}
    every = set(allowed_cpus())
    for row in rows:
        mine = [pin for pin in pins if pin.pid in row.pids and pin.pid != main_pid]
        cpus = sorted({cpu for pin in mine for cpu in pin.cpus})
        nice = next((pin.nice for pin in mine if pin.nice is not None), None)
        keys: dict[str, object] = {"affinity": cpus} if cpus and set(cpus) != every else {}
        if nice is not None:
            keys["nice"] = nice
        if keys:
            kept[row.name] = {"placement": row.placement, **keys}
    return kept


def show(cores: tuple[Core, ...], made: Plan, kept: dict[str, dict[str, object]]) -> None:
    print("cores: " + "; ".join(f"package {one.package} core {one.number}: {_numbers(one.cpus)}" for one in cores))
    print(made.reason)
    print(f"{'pid':>8}  {'used':>5}  {'cpus':<10}{'nice':<6}services")
    for pin in made.pins:
        nice = "" if pin.nice is None else str(pin.nice)
        cpus = _numbers(pin.cpus) + (" own" if pin.own else "")
        print(f"{pin.pid:>8}  {pin.cores:>5.2f}  {cpus:<10}{nice:<6}{', '.join(pin.services)}")
    for name, keys in kept.items():
        print(f"\n[services.{name}]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items()))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("data_dir", nargs="?", default=None, metavar="DATA_DIR", help="of the node")
    parser.add_argument("--apply", action="store_true", help="do it, and not only show it")
    parser.add_argument("--undo", action="store_true", help="CPUs and nice as configured")
    parser.add_argument(
        "--seconds", type=seconds(0.1, 600), default=2.0, metavar="S", help="how long to look who is busy (default: 2)"
    )
    parser.add_argument("--json", action="store_true", help="for programs; errors, too")
    options = parser.parse_args(arguments)
    if not hasattr(os, "sched_setaffinity"):
        raise Wrong("this system does not let one choose the CPUs of a process")
    with RemoteNode(options.data_dir or default_data_dir()) as node:
        rows, main_pid, config = node.services(), node.about().pid, Config.from_toml(node.show_config().toml)
    cores = read_cores(allowed_cpus())
    if options.undo:
        made = as_configured(rows, main_pid, config)
    else:
        made = never_less_nice(plan(processes(rows, options.seconds), cores))
    wrong = set_all(made.pins) if options.apply else []
    kept = {} if options.undo else kept_by(made.pins, rows, main_pid)
    if options.json:
        told = {"cores": [asdict(one) for one in cores], "pins": [asdict(pin) for pin in made.pins]}
        why = {"reason": made.reason, "pinned": made.pinned}
        print(json.dumps({**told, **why, "services": kept, "applied": options.apply, "wrong": wrong}))
    else:
        show(cores, made, kept)
        print("" if options.apply else "\nNothing was changed: say --apply.")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _numbers(cpus: tuple[int, ...]) -> str:
    return ",".join(map(str, cpus))


if __name__ == "__main__":
    sys.exit(run(main))
