"""The rules by which `ipc` places services, without any thread or process: what it would refuse is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ipc.placement import Placement
from ipc.scheduling import Scheduling
from ipc.tree.hosts import COROUTINE, HostTree
from ipc.tree.intensity import Intensity
from ipc.tree.legal import check_placement
from ipc.tree.records import HostRecord, WireRecord
from mdht.config import SERVICES, ResolvedService
from mdht.tuning.legal import CLASSES


class DryTree(HostTree):
    """Hosts are records only."""

    def __init__(self) -> None:
        super().__init__(None, Intensity(1, 1.0))
        self.hosts[COROUTINE] = HostRecord(COROUTINE, "coroutine", self.local)
        self.placed: dict[str, list[HostRecord]] = {}
        self.parts: dict[str, Scheduling | None] = {}

    async def hang_up(self, wire: WireRecord) -> None:
        raise AssertionError("there are no wires")

    def reader(self) -> Any:
        return None

    async def new_host(self, kind: str, name: str, scheduling: Scheduling | None = None) -> HostRecord:
        return HostRecord(next(self.numbers), kind, self.local, scheduling=scheduling)

    async def put(self, name: str, placement: str, regroup: bool = False) -> None:
        """Start or move a service. Raises PlacementError."""
        cls, place, scheduling = CLASSES[name], Placement.parse(placement), self.parts[name]
        check_placement(cls, place, False, scheduling)
        old = self.placed.get(name)
        self.placed[name] = await self.hosts_for(cls, place, name, scheduling, regroup)
        if old is not None:
            await self.unclaim(old)


def started(placed: Mapping[str, ResolvedService]) -> DryTree:
    """All services, in the order in which a node starts them. Raises PlacementError."""

    async def start() -> DryTree:
        tree = DryTree()
        for name in SERVICES:
            one = placed[name]
            pinned = bool(one.affinity) or one.nice is not None
            tree.parts[name] = Scheduling(one.affinity or None, one.nice) if pinned else None
            await tree.put(name, one.placement)
        return tree

    return asyncio.run(start())
