#!/usr/bin/env python3
"""Launch and close services over and over, and see whether anything stays: descriptors, threads, processes, memory.

    scripts/leaks.py                            every spawner, 1,000 times each: about two minutes on two cores
    scripts/leaks.py --spawner thread+zmq --count 200

Each round launches, calls once, casts once, and closes. What is held after a warm-up (as many rounds, 100 at the most)
is compared with what is held at the end; memory may grow by `--slack` MiB, which caches and the allocator need.
The fork server's memory is looked at, too. Exit code 1 where something leaks.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import psutil
from lib.command import Parser, run

from ipc import Service, launch

SPAWNERS = ("inline", "coroutine", "coroutine+zmq", "thread", "thread+pipe", "thread+zmq", "process", "process+zmq")
SETTLE_S = 5.0
MIB = 1 << 20


class Echo(Service):
    """Answers with the command."""

    def call(self, command: object) -> object:
        return command


@dataclass(frozen=True)
class Held:
    """What this process holds; memory in bytes, that of the fork server and the resource tracker apart."""

    descriptors: int
    threads: int
    processes: int
    rss: int
    helpers_rss: int

    @classmethod
    def now(cls) -> Held:
        gc.collect()
        process = psutil.Process()
        children = [child for child in process.children(recursive=True) if child.is_running()]
        helpers = 0
        for child in children:
            try:
                helpers += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return cls(process.num_fds(), process.num_threads(), len(children), process.memory_info().rss, helpers)

    def counts(self) -> tuple[int, int, int]:
        return self.descriptors, self.threads, self.processes


@dataclass(frozen=True)
class Result:
    """One spawner's rounds."""

    spawner: str
    count: int
    seconds: float
    before: Held
    after: Held
    slack: int

    @property
    def leaks(self) -> list[str]:
        """In words, what is held now and was not before."""
        found = []
        for name, before, after in zip(
            ("descriptors", "threads", "processes"), self.before.counts(), self.after.counts(), strict=True
        ):
            if after > before:
                found.append(f"{after - before} {name}")
        for name in ("rss", "helpers_rss"):
            grown = getattr(self.after, name) - getattr(self.before, name)
            if grown > self.slack:
                found.append(f"{grown / MIB:.1f} MiB {name}")
        return found


def one_round(spawner: str) -> None:
    """Launch, call, cast, close."""
    with launch(Echo(), spawner) as echo:
        if echo.call(1) != 1:
            raise AssertionError("a wrong answer")
        echo.cast(2)


def settled(before: Held) -> Held:
    """What is held once others had the time to end."""
    pause, deadline = threading.Event(), time.monotonic() + SETTLE_S
    while True:
        held = Held.now()
        if time.monotonic() > deadline or all(
            now <= then for now, then in zip(held.counts(), before.counts(), strict=True)
        ):
            return held
        pause.wait(0.05)


def measure(spawner: str, count: int, slack: int) -> Result:
    """Run `count` rounds after a warm-up, and compare; `slack` in bytes."""
    for _ in range(min(100, count)):
        one_round(spawner)
    pause = threading.Event()
    pause.wait(0.1)
    before, began = Held.now(), time.monotonic()
    for _ in range(count):
        one_round(spawner)
    seconds = time.monotonic() - began
    return Result(spawner, count, seconds, before, settled(before), slack)


def print_table(results: list[Result]) -> None:
    print(
        f"{'spawner':<16}{'rounds':>7}{'ms each':>9}{'fds':>9}{'threads':>9}{'procs':>7}"
        f"{'rss MiB':>15}{'helpers MiB':>14}  leaks"
    )
    for result in results:
        before, after = result.before, result.after
        print(
            f"{result.spawner:<16}{result.count:>7}{result.seconds / result.count * 1000:>9.2f}"
            f"{f'{before.descriptors}→{after.descriptors}':>9}{f'{before.threads}→{after.threads}':>9}"
            f"{f'{before.processes}→{after.processes}':>7}{f'{before.rss / MIB:.1f}→{after.rss / MIB:.1f}':>15}"
            f"{f'{before.helpers_rss / MIB:.1f}→{after.helpers_rss / MIB:.1f}':>14}  {', '.join(result.leaks) or '-'}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument(
        "--spawner", action="append", help=f"a placement; may be repeated (default: {', '.join(SPAWNERS)})"
    )
    parser.add_argument("--count", type=int, default=1000, help="rounds of each (default: 1000)")
    parser.add_argument("--slack", type=float, default=4.0, help="MiB that memory may grow (default: 4)")
    options = parser.parse_args(arguments)
    results, began = [], time.monotonic()
    for spawner in options.spawner or SPAWNERS:
        print(f"{spawner}: {options.count} rounds …", file=sys.stderr, flush=True)
        results.append(measure(spawner, options.count, int(options.slack * MIB)))
    print_table(results)
    print(f"{time.monotonic() - began:.0f} s in process {os.getpid()}")
    return 1 if any(result.leaks for result in results) else 0


if __name__ == "__main__":
    sys.exit(run(main))
