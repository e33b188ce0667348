"""The load makers of a tuning run, as processes, and what they say together."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from .errors import MakerFailed
from .maker import LINE_BYTES, quantile
from .workload import Workload

ANSWER_S: Final = 60.0
"""Seconds for an answer beyond what the command itself takes: a node that starts, links on a busy machine."""

_STOP_S: Final = 5.0


@dataclass(slots=True)
class Asked:
    """What the load makers did in one measurement, together."""

    wall_s: float = 0.0
    gets: int = 0
    puts: int = 0
    failed: int = 0
    cores: list[float] = field(default_factory=list)
    """CPU of each."""
    errors: Counter[str] = field(default_factory=Counter)
    took: Counter[int] = field(default_factory=Counter)

    def quantile(self, fraction: float) -> float:
        """Seconds."""
        return quantile(self.took, fraction)


class Makers:
    """`with Makers(count, workload) as makers`. For one thread."""

    def __init__(self, count: int, workload: Workload) -> None:
        self._workload = workload
        self._count = min(count, workload.links, workload.in_flight)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._kept: list[bytes] = []

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        here = str(Path(__file__).resolve().parents[2])
        paths = filter(None, (here, os.environ.get("PYTHONPATH")))
        for _ in range(self._count):
            self._kept.append(b"")
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "mdht.tuning.maker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                    start_new_session=True,  # a Ctrl-C is for this process, which ends them
                    bufsize=0,
                )
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._processes:
            assert one.stdin is not None and one.stdout is not None, "pipes"
            one.stdin.close()
        for one in self._processes:
            try:
                one.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
            if one.stdout is not None:
                one.stdout.close()

    def open(self, name: str, seed: str, network: str, seconds: float = ANSWER_S) -> None:
        """Link all of them to a node, and put the records that gets will ask for, within so many seconds.

        Raises MakerFailed, where they could not be put in time, too.
        """
        load = self._workload
        plain = {
            "name": name,
            "seed": seed,
            "network": network,
            "sizes": list(load.value_bytes),
            "owned": load.owned_share,
        }
        self._all("open", [{**plain, "links": self._part(load.links, at)} for at in range(self._count)])
        if load.get_share > 0:
            fill = [
                {
                    "name": name,
                    "records": self._part(load.records, at),
                    "in_flight": self._part(load.in_flight, at),
                    "seconds": seconds,
                }
                for at in range(self._count)
            ]
            wrong: Counter[str] = Counter()
            left = 0
            for one in self._all("fill", fill, seconds):
                wrong.update(one["errors"])
                left += one["left"]
            if wrong.total() > load.records // 2:
                raise MakerFailed(f"{wrong.total()} of {load.records} records could not be put: {dict(wrong)}")
            if left:
                put = load.records - left
                right = "give it a larger --budget, or fewer --records"
                raise MakerFailed(f"only {put:,} of {load.records:,} records were put in {seconds:.1f} s: {right}")

    def run(self, name: str, seconds: float) -> Asked:
        """Ask for so long, all of them at once. Raises MakerFailed."""
        load = self._workload
        said = self._all(
            "run",
            [
                {
                    "name": name,
                    "seconds": seconds,
                    "links": self._part(load.links, at),
                    "in_flight": self._part(load.in_flight, at),
                    "get_share": load.get_share,
                }
                for at in range(self._count)
            ],
            seconds,
        )
        together = Asked(wall_s=seconds)
        for one in said:
            together.gets += one["gets"]
            together.puts += one["puts"]
            together.failed += one["failed"]
            together.cores.append(one["cpu_cores"])
            together.errors.update(one["errors"])
            together.took.update(dict(one["took"]))
        return together

    def close(self, name: str) -> None:
        """Leave a node."""
        self._all("close", [{"name": name}] * self._count)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _part(self, count: int, at: int) -> int:
        return count // self._count + (at < count % self._count)

    def _all(self, do: str, arguments: Iterable[dict[str, Any]], seconds: float = 0.0) -> list[Any]:
        for one, given in zip(self._processes, arguments, strict=True):
            assert one.stdin is not None, "a pipe"
            try:
                one.stdin.write(json.dumps({"do": do, "with": given}).encode() + b"\n")
            except BrokenPipeError:
                raise MakerFailed(f"a load maker has ended, with exit code {one.poll()}") from None
        until_s = time.monotonic() + seconds + ANSWER_S
        said = [self._answer(at, do, until_s) for at in range(self._count)]
        if wrong := next((one["error"] for one in said if "error" in one), None):
            raise MakerFailed(wrong)
        return [one["value"] for one in said]

    def _answer(self, at: int, do: str, until_s: float) -> dict[str, Any]:
        pipe = self._processes[at].stdout
        assert pipe is not None, "a pipe"
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        while b"\n" not in self._kept[at]:
            left_s = until_s - time.monotonic()
            if left_s <= 0 or not poll.poll(left_s * 1000):
                raise MakerFailed(f"a load maker did not answer {do!r} in time")
            data = pipe.read(LINE_BYTES)
            if not data:
                raise MakerFailed(f"a load maker has ended, with exit code {self._processes[at].wait(_STOP_S)}")
            self._kept[at] += data
        line, _, self._kept[at] = self._kept[at].partition(b"\n")
        return dict(json.loads(line))


Tell = Callable[[str], None]
"""Takes a line for people."""
