"""Finding services that hang: a watchdog for each that asks for one. On the control loop.

A service hangs when for so many seconds it has served nothing although commands wait (queued, or the one that it is
in), or when the event loop that it lives on has not turned. A process is then killed, and what lived there restarted
within the tree's intensity; a thread, or a coroutine, cannot be ended from outside, so it is only reported.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

from ..errors import IpcError
from ..limits import WATCHDOG_LOOKS
from .core import Tree
from .records import CellRecord, ServiceRecord

log = logging.getLogger("ipc")


@dataclass(slots=True)
class Progress:
    """What was last seen of a shard: how much it had served, and since when (seconds) that is all."""

    served: int
    since_s: float
    told: bool = False


class Watchdog:
    """Watches one service. `timeout_s` is how long it may stand still."""

    def __init__(self, tree: Tree, record: ServiceRecord, timeout_s: float) -> None:
        self.tree = tree
        self.record = record
        self.timeout_s = timeout_s
        self.seen: dict[int, Progress] = {}

    async def run(self) -> None:
        """Look until the service or the tree ends."""
        tree, record = self.tree, self.record
        while not tree.closing and not record.stopped and tree.services.get(record.name) is record:
            if record.lock.locked():  # it moves, or is restarted: it may stand still
                self.seen.clear()
            else:
                for cell in list(record.cells):
                    await self._look(cell)
            try:
                async with asyncio.timeout(self.timeout_s / WATCHDOG_LOOKS):
                    await tree.ending.wait()
            except TimeoutError:
                continue

    async def _look(self, cell: CellRecord) -> None:
        host = cell.host
        try:
            for numbers in await host.agent.do("stats", [cell.id], timeout_s=self.timeout_s):
                self._judge(cell, numbers)
        except (IpcError, OSError):
            return  # its end is seen by others
        except LookupError:
            return

    def _judge(self, cell: CellRecord, numbers: dict[str, Any]) -> None:
        now = time.monotonic()
        served = numbers["calls"] + numbers["expired"]
        known = self.seen.get(cell.id)
        stands = (numbers["busy"] or numbers["queued"]) and known is not None and known.served == served
        if known is None or not (stands or numbers["lag_s"] > 0):
            self.seen[cell.id] = Progress(served, now)
            return
        still_s = max(now - known.since_s if stands else 0.0, numbers["lag_s"])
        if still_s >= self.timeout_s and not known.told and not self.record.lock.locked():
            known.told = True
            self._hangs(cell, f"no progress for {still_s:.3g} s, {_doing(numbers)}")

    def _hangs(self, cell: CellRecord, reason: str) -> None:
        record, host = self.record, cell.host
        record.kept["hangs"] = record.kept.get("hangs", 0) + 1
        record.last_error = reason
        kill = getattr(host.agent, "kill", None)
        if kill is None:
            log.error("service %r hangs: %s; it cannot be ended from outside where it is", record.name, reason)
            return
        log.error("service %r hangs: %s; its process %d is killed", record.name, reason, host.agent.pid)
        host.condemned = reason
        kill()


def _doing(numbers: dict[str, Any]) -> str:
    """What it stands still in."""
    what = "in a call" if numbers["busy"] else "waiting in a call, or in its event loop"
    return f"{what}, with {numbers['queued']} commands queued"
