"""Finding services that hang: a watchdog for each that asks for one. On the control loop.

A service hangs when for so many seconds it has served nothing although commands wait (queued, or the one that it is
in), or when the event loop that it lives on has not turned. Its process hangs when it does not answer for as long: a
thread of its own answers there whatever its services do, so it is stopped (SIGSTOP, a debugger), waits for the kernel,
or is in a call that keeps the interpreter's lock. A process is then killed, and what lived there restarted within the
tree's intensity; a thread, or a coroutine, cannot be ended from outside, so it is only reported.

Seconds are those in which the watchdog itself could look: where the machine slept, or the tree's own process was
stopped, nobody served, and nobody is to be blamed. And nobody is judged by a single look.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Any

from ..errors import IpcError, StartTimeout
from ..limits import KILL_TIMEOUT_S, WATCHDOG_LOOKS, WATCHDOG_SILENT_S
from .core import Tree
from .records import CellRecord, HostRecord, ServiceRecord

log = logging.getLogger("ipc")


@dataclass(slots=True)
class Awake:
    """A clock of the time in which looks were made: a step longer than two looks counts as two."""

    look_s: float
    at_s: float = 0.0
    last_s: float = field(default_factory=time.monotonic)

    def tick(self) -> float:
        """Seconds of it at present."""
        now = time.monotonic()
        self.at_s += min(now - self.last_s, 2 * self.look_s)
        self.last_s = now
        return self.at_s


@dataclass(slots=True)
class Progress:
    """What was last seen of a shard: how much it had served, and since when (seconds awake) that is all, or its loop
    has not turned.
    """

    served: int
    since_s: float
    late_since_s: float | None = None
    told: bool = False


@dataclass(slots=True)
class Silence:
    """A process that does not answer: since when (seconds awake), for how many looks; whether it is being killed."""

    since_s: float
    looks: int = 0
    killed_s: float | None = None
    told: bool = False


class Watchdog:
    """Watches one service. `timeout_s` is how long it may stand still."""

    def __init__(self, tree: Tree, record: ServiceRecord, timeout_s: float) -> None:
        self.tree = tree
        self.record = record
        self.timeout_s = timeout_s
        self.look_s = timeout_s / WATCHDOG_LOOKS
        self.awake = Awake(self.look_s)
        self.seen: dict[int, Progress] = {}
        self.silent: dict[int, Silence] = {}

    async def run(self) -> None:
        """Look until the service or the tree ends."""
        tree, record = self.tree, self.record
        while not tree.closing and not record.stopped and tree.services.get(record.name) is record:
            began_s = time.monotonic()
            hosts: dict[HostRecord, list[CellRecord]] = {}
            for cell in record.cells:
                hosts.setdefault(cell.host, []).append(cell)
            for known in set(self.silent) - {host.id for host in hosts}:
                del self.silent[known]
            await asyncio.gather(*(self._look(host, cells) for host, cells in hosts.items()))
            pause_s = self.look_s - (time.monotonic() - began_s) if self.silent else self.look_s
            if pause_s > 0:
                try:
                    async with asyncio.timeout(pause_s):
                        await tree.ending.wait()
                except TimeoutError:
                    continue

    async def _look(self, host: HostRecord, cells: list[CellRecord]) -> None:
        began_s = self.awake.tick()
        try:
            rows = await host.agent.do("stats", [cell.id for cell in cells], timeout_s=self.look_s)
        except StartTimeout:
            self.awake.tick()
            self._unanswered(host, began_s)
            return
        except (IpcError, OSError, LookupError):
            return  # its end is seen by others
        self.silent.pop(host.id, None)
        self.awake.tick()
        if self.record.lock.locked():  # it moves, or is restarted: it may stand still
            self.seen.clear()
        elif len(rows) == len(cells):
            for cell, numbers in zip(cells, rows, strict=True):
                self._judge(cell, numbers)

    # -- processes -----------------------------------------------------------------------------------------------------

    def _unanswered(self, host: HostRecord, began_s: float) -> None:
        if host.gone:
            return
        silence = self.silent.setdefault(host.id, Silence(began_s))
        silence.looks += 1
        silent_s = self.awake.at_s - silence.since_s
        if host.condemned:
            silence.killed_s = self.awake.at_s if silence.killed_s is None else silence.killed_s
            if not silence.told and self.awake.at_s - silence.killed_s > KILL_TIMEOUT_S:
                silence.told = True
                log.critical(
                    "service %r: its process %d was killed and does not end: it waits for the kernel, for a disk or a "
                    "file system over the network; it is started again once that lets it go",
                    self.record.name,
                    host.agent.pid,
                )
        elif silent_s >= max(self.timeout_s, WATCHDOG_SILENT_S) and silence.looks >= WATCHDOG_LOOKS:
            self._kill(host, f"its process has not answered for {silent_s:.3g} s: it is stopped, or stuck in one call")

    def _kill(self, host: HostRecord, reason: str) -> None:
        there = {cell.service.name: cell.service for cell in host.cells} or {self.record.name: self.record}
        for record in there.values():
            _count(record, reason)
        named = " and ".join(map(repr, there))
        log.error("%s: hangs: %s; its process %d is killed", named, reason, host.agent.pid)
        host.condemned = reason
        host.agent.kill()

    # -- progress ------------------------------------------------------------------------------------------------------

    def _judge(self, cell: CellRecord, numbers: dict[str, Any]) -> None:
        now = self.awake.at_s
        served = numbers["calls"] + numbers["expired"]
        known = self.seen.get(cell.id)
        stands = (numbers["busy"] or numbers["queued"]) and known is not None and known.served == served
        lag_s = numbers["lag_s"]
        late = lag_s >= self.look_s / 2  # less is a turn of the loop that has not ended yet
        if known is None or not (stands or late):
            self.seen[cell.id] = Progress(served, now)
            return
        if not stands:
            known.served, known.since_s = served, now
        if not late:
            known.late_since_s = None
        elif known.late_since_s is None or lag_s < now - known.late_since_s - self.look_s / 2:  # it has turned since
            known.late_since_s = now - min(lag_s, self.look_s)
        late_s = 0.0 if known.late_since_s is None else now - known.late_since_s
        still_s = max(now - known.since_s if stands else 0.0, late_s)
        if still_s >= self.timeout_s and not known.told and not self.record.lock.locked():
            known.told = True
            self._hangs(cell, f"no progress for {still_s:.3g} s, {_doing(numbers)}")

    def _hangs(self, cell: CellRecord, reason: str) -> None:
        record, host = self.record, cell.host
        if hasattr(host.agent, "kill"):
            if not host.condemned:
                _count(record, reason)
                log.error("service %r hangs: %s; its process %d is killed", record.name, reason, host.agent.pid)
                host.condemned = reason
                host.agent.kill()
            return
        _count(record, reason)
        log.error(
            "service %r hangs: %s; it cannot be ended from outside where it is (%s): place it in a process, which can "
            "be killed and started again, or restart the program",
            record.name,
            reason,
            record.placement,
        )


def _count(record: ServiceRecord, reason: str) -> None:
    record.kept["hangs"] = record.kept.get("hangs", 0) + 1
    record.last_hang = reason


def _doing(numbers: dict[str, Any]) -> str:
    """What it stands still in."""
    what = "in a call" if numbers["busy"] else "waiting in a call, or in its event loop"
    return f"{what}, with {numbers['queued']} commands queued"
