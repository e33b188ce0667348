#!/usr/bin/env python3
"""Give each process of a running node a core of its own, and let background work be nicer.

    scripts/pin.py [DATA_DIR]                   show what would be done (the default)
    scripts/pin.py [DATA_DIR] --apply           do it
    scripts/pin.py [DATA_DIR] --undo --apply    let all of them run on every CPU again

The CPUs are those that this process may use, by /sys/devices/system/cpu; a process gets a core with its hyperthreads.
It lasts until the process ends: to keep it, write `affinity` and `nice` into `[services.NAME]`. A lower nice than now
needs CAP_SYS_NICE. `--json` writes the plan, and the configuration that keeps it, for programs. Exit code 1 where
something could not be set.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil

from mdht.control import ServiceRow
from mdht.data_dir import default_data_dir
from mdht.errors import MdhtError
from mdht.remote import RemoteNode
from mdht.tuning.pinning import NodeProcess, Pin, plan
from mdht.tuning.processes import cpu_s
from mdht.tuning.topology import Core, allowed_cpus, read_cores


def processes(rows: list[ServiceRow]) -> list[NodeProcess]:
    """Those of a node, with what is on them."""
    pids = sorted({pid for row in rows for pid in row.pids})
    return [
        NodeProcess(pid, tuple(row.name for row in rows if pid in row.pids), used)
        for pid in pids
        if (used := cpu_s(pid)) is not None
    ]


def set_all(pins: list[Pin]) -> list[str]:
    """Set every thread of those processes; what could not be, in words."""
    wrong = []
    for pin in pins:
        try:
            for thread in psutil.Process(pin.pid).threads():
                os.sched_setaffinity(thread.id, pin.cpus)
                if pin.nice is not None:
                    os.setpriority(os.PRIO_PROCESS, thread.id, pin.nice)
        except (OSError, psutil.Error) as error:
            wrong.append(f"{pin.pid} ({', '.join(pin.services)}): {error}")
    return wrong


def kept_by(pins: list[Pin], rows: list[ServiceRow], main_pid: int) -> dict[str, dict[str, object]]:
    """What keeps it, as `[services.NAME]`; services of one process share it, and the node's own process cannot."""
    kept: dict[str, dict[str, object]] = {}
    for row in rows:
        mine = [pin for pin in pins if pin.pid in row.pids and pin.pid != main_pid]
        if mine:
            cpus = sorted({cpu for pin in mine for cpu in pin.cpus})
            kept[row.name] = {"placement": row.placement, "affinity": cpus}
            if mine[0].nice is not None:
                kept[row.name]["nice"] = mine[0].nice
    return kept


def show(cores: tuple[Core, ...], pins: list[Pin], kept: dict[str, dict[str, object]]) -> None:
    print("cores: " + "; ".join(f"package {one.package} core {one.number}: {_numbers(one.cpus)}" for one in cores))
    print(f"{'pid':>8}  {'cpus':<10}{'nice':<6}services")
    for pin in pins:
        nice = "" if pin.nice is None else str(pin.nice)
        print(f"{pin.pid:>8}  {_numbers(pin.cpus):<10}{nice:<6}{', '.join(pin.services)}")
    for name, keys in kept.items():
        print(f"\n[services.{name}]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", nargs="?", default=None, metavar="DATA_DIR", help="of the node")
    parser.add_argument("--apply", action="store_true", help="do it, and not only show it")
    parser.add_argument("--undo", action="store_true", help="every CPU for every process")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    if not hasattr(os, "sched_setaffinity"):
        print("this system does not let one choose the CPUs of a process", file=sys.stderr)
        return 2
    try:
        with RemoteNode(options.data_dir or default_data_dir()) as node:
            rows, main_pid = node.services(), node.about().pid
    except MdhtError as error:
        print(error, file=sys.stderr)
        return 2
    cores = read_cores(allowed_cpus())
    pins = plan(processes(rows), cores)
    if options.undo:
        pins = [Pin(pin.pid, pin.services, allowed_cpus(), None) for pin in pins]
    wrong = set_all(pins) if options.apply else []
    kept = {} if options.undo else kept_by(pins, rows, main_pid)
    if options.json:
        told = {"cores": [asdict(one) for one in cores], "pins": [asdict(pin) for pin in pins]}
        print(json.dumps({**told, "services": kept, "applied": options.apply, "wrong": wrong}))
    else:
        show(cores, pins, kept)
        print("" if options.apply else "\nNothing was changed: say --apply.")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _numbers(cpus: tuple[int, ...]) -> str:
    return ",".join(map(str, cpus))


if __name__ == "__main__":
    sys.exit(main())
