"""Hours of mixed load on a network of process nodes, with moves, kills and restarts; looked at all along.

Node 0 has every service that may be apart in a process of its own: there services are moved and its child processes
killed. The others are killed or stopped whole, one at a time, and started again. Records are in LMDB, three copies of
each, so none may be lost. Memory, descriptors and threads of all processes are sampled; what grows faster than its
tolerance is a leak (see `trend`).
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import psutil

from ipc import IpcError

from ..config import Config
from ..errors import MdhtError
from ..testnet import ProcessNet
from .mixed_load import Counts, MixedLoad
from .processes import tree_of
from .trend import Trend, trend

APART: Final = {
    "links": "process:2@links",
    "local": "process:2@links",
    "store": "process",
    "published": "process@background",
    "upkeep": "process@background",
    "files": "process",
}
"""Of node 0."""

MOVES: Final = (
    ("store", ("process", "thread", "process+zmq")),
    ("published", ("process@background", "thread")),
    ("upkeep", ("process@background", "inline")),
    ("files", ("process", "inline", "thread")),
    ("api", ("inline", "thread")),
)
"""What is moved, and where it goes in turn."""

SETTLE_SHARE: Final = 0.25
"""Of the run, at its begin, that no trend looks at: caches, tables and the store fill."""

JUDGED_S: Final = 180.0
"""Seconds from which on growth is judged: in less, caches and allocators still fill, which looks like any leak."""

SAMPLE_S: Final = 5.0
"""Seconds between samples; a short run takes at least 60 of them."""

TOLERANCES: Final = {
    "rss_mib": (24.0, 0.08),
    "descriptors": (12.0, 0.05),
    "threads": (6.0, 0.05),
    "processes": (1.0, 0.0),
}
"""Of growth: an amount, or a share of the level, whichever is more. Memory: what an allocator keeps, a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run does. Times in seconds."""

    seconds: float = 3_600.0
    nodes: int = 4
    move_every_s: float = 10.0
    kill_every_s: float = 15.0
    """Of a child process of node 0."""
    restart_every_s: float = 40.0
    """Of another node, killed and stopped in turn."""
    moves: tuple[tuple[str, tuple[str, ...]], ...] = MOVES
    """Services of node 0 in turn, and the places of each."""
    pause_s: float = 0.002
    """Between requests of each asker; two askers a node."""
    seed: int = 1


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    seconds: float = 0.0
    counts: Counts = field(default_factory=Counts)
    moves: int = 0
    kills: int = 0
    restarts: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Moves that did not happen, by reason."""
    found: int = 0
    """Records that were looked for at the end."""
    trends: dict[str, Trend] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of node 0 at the end: restarts, hangs and the last error of each service that had any."""
    log: list[str] = field(default_factory=list)
    """The last lines that node 0 wrote."""
    faults: list[str] = field(default_factory=list)
    """Everything that is wrong; empty where the run passed."""

    def plain(self) -> dict[str, Any]:
        """Plain values."""
        counts = self.counts
        return {
            "seconds": round(self.seconds, 1),
            "puts": counts.puts,
            "gets": counts.gets,
            "again": counts.again,
            "failed_puts": dict(counts.failed_puts),
            "slowest_get_s": round(counts.slowest_s, 3),
            "wrong": counts.wrong,
            "moves": self.moves,
            "kills": self.kills,
            "restarts": self.restarts,
            "refused_moves": dict(self.refused),
            "looked_for": self.found,
            "trends": {
                name: {"per_hour": one.per_hour, "growth": one.growth, "level": one.level, "samples": one.samples}
                for name, one in self.trends.items()
            },
            "services": self.services,
            "log": self.log,
            "faults": self.faults,
        }


class Soak:
    """One run. `Soak(plan, tell).run()`; for one thread."""

    def __init__(self, plan: Plan, tell: Callable[[str], None], every_s: float = 60.0) -> None:
        """`tell` is given a line every `every_s` seconds."""
        self._plan, self._tell, self._every_s = plan, tell, every_s
        self._outcome = Outcome()
        self._samples: dict[str, list[tuple[float, float]]] = {name: [] for name in TOLERANCES}
        self._dice = random.Random(plan.seed)
        self._at: Counter[str] = Counter()

    def run(self) -> Outcome:
        """Blocks for `plan.seconds` and some more. Raises what starting nodes raises."""
        plan, outcome = self._plan, self._outcome
        config = Config(store="lmdb", replicas=3, reads=3, services=APART)
        with ProcessNet(plan.nodes, config) as net:
            load = MixedLoad(net, [node for node in range(plan.nodes) for _ in range(2)], plan.seed, plan.pause_s)
            outcome.counts = load.counts
            began_s = time.monotonic()
            load.start()
            try:
                self._torment(net, began_s)
            finally:
                load.stop()
            outcome.found = load.look_for_all(plan.nodes - 1)
            outcome.seconds = time.monotonic() - began_s
            self._note_services(net)
        self._judge()
        return outcome

    # -- inside --------------------------------------------------------------------------------------------------------

    def _torment(self, net: ProcessNet, began_s: float) -> None:
        plan = self._plan
        sample_s = min(SAMPLE_S, plan.seconds / 60)
        deeds: list[tuple[float, float, Callable[[ProcessNet, float], None]]] = [
            (sample_s, sample_s, self._sample),
            (plan.move_every_s, plan.move_every_s, self._move),
            (plan.kill_every_s, plan.kill_every_s, self._kill),
            (plan.restart_every_s, plan.restart_every_s, self._restart),
            (self._every_s, self._every_s, self._line),
        ]
        while deeds:
            at = min(range(len(deeds)), key=lambda one: deeds[one][0])
            due_s, every_s, deed = deeds[at]
            if due_s >= plan.seconds:
                return
            time.sleep(max(0.0, began_s + due_s - time.monotonic()))
            deed(net, time.monotonic() - began_s)
            now_s = time.monotonic() - began_s
            deeds[at] = (max(due_s + every_s, now_s), every_s, deed)

    def _sample(self, net: ProcessNet, now_s: float) -> None:
        total: Counter[str] = Counter()
        for number in net.running():
            for pid in tree_of(net.pid(number)):
                try:
                    one = psutil.Process(pid)
                    with one.oneshot():
                        total["rss_mib"] += one.memory_info().rss >> 20
                        total["descriptors"] += one.num_fds()
                        total["threads"] += one.num_threads()
                        total["processes"] += 1
                except psutil.Error:
                    continue
        for name, samples in self._samples.items():
            samples.append((now_s, float(total[name])))

    def _move(self, net: ProcessNet, now_s: float) -> None:
        moves = self._plan.moves
        name, places = moves[self._at["move"] % len(moves)]
        turn = self._at["move"] // len(moves)
        self._at["move"] += 1
        try:
            net[0].move(name, places[(turn + 1) % len(places)])
            self._outcome.moves += 1
        except (MdhtError, IpcError, OSError) as error:
            self._outcome.refused[f"{name}: {type(error).__name__}"] += 1

    def _kill(self, net: ProcessNet, now_s: float) -> None:
        own = net.pid(0)
        try:
            pids = sorted({pid for row in net[0].services() for pid in row.pids if pid not in (own, os.getpid())})
        except (MdhtError, IpcError, OSError) as error:
            self._outcome.faults.append(f"after {now_s:.0f} s node 0 does not say what its services do: {error}")
            return
        if not pids:
            return
        try:
            os.kill(self._dice.choice(pids), signal.SIGKILL)
            self._outcome.kills += 1
        except ProcessLookupError:
            pass  # it was being replaced anyway

    def _restart(self, net: ProcessNet, now_s: float) -> None:
        number = 1 + self._at["restart"] % (len(net) - 1)
        self._at["restart"] += 1
        if self._at["restart"] % 2:
            net.kill(number)
        else:
            net.stop(number)
        try:
            net.restart(number)
            self._outcome.restarts += 1
        except (MdhtError, OSError) as error:
            self._outcome.faults.append(f"after {now_s:.0f} s node {number} did not start again: {error}")

    def _line(self, net: ProcessNet, now_s: float) -> None:
        counts, latest = (
            self._outcome.counts,
            {name: int(all_of[-1][1]) for name, all_of in self._samples.items() if all_of},
        )
        self._tell(
            f"{now_s:>6.0f} s  {counts.puts:,} puts, {counts.gets:,} gets, {len(counts.wrong)} wrong, "
            f"{self._outcome.moves} moves, {self._outcome.kills} kills, {self._outcome.restarts} restarts; "
            + ", ".join(f"{value:,} {name}" for name, value in latest.items())
        )

    def _note_services(self, net: ProcessNet) -> None:
        outcome = self._outcome
        outcome.log = net.log(0).splitlines()
        try:
            rows = net[0].services()
        except (MdhtError, IpcError, OSError) as error:
            outcome.faults.append(f"at the end node 0 does not say what its services do: {error}")
            return
        outcome.services = {
            row.name: {"restarts": row.restarts, "hangs": row.hangs, "last_error": row.last_error}
            for row in rows
            if row.restarts or row.hangs
        }
        outcome.faults += [f"{row.name} hung {row.hangs} times: {row.last_hang}" for row in rows if row.hangs]

    def _judge(self) -> None:
        outcome, from_s = self._outcome, self._plan.seconds * SETTLE_SHARE
        for name, (slack, share) in TOLERANCES.items():
            settled = [one for one in self._samples[name] if one[0] >= from_s]
            found = outcome.trends[name] = trend(settled)
            if self._plan.seconds >= JUDGED_S and not found.flat(slack, share):
                outcome.faults.append(
                    f"{name} grew by {found.growth:.1f} from {found.level:.0f}: {found.per_hour:+.1f} an hour"
                )
        outcome.faults += outcome.counts.wrong
        if not outcome.counts.gets or not outcome.counts.puts:
            outcome.faults.append("nothing was asked")
