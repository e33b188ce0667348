"""The hosts of a tree: its own, threads and processes, groups. On the control loop."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import Closed, IpcError, PlacementError
from ..host import Host
from ..placement import Placement
from ..scheduling import Scheduling
from ..service import Service
from ..spawners.base import SPAWNERS
from ..spawners.coroutine import take_default
from ..spawners.inline import InlineHost
from .agent import CLIENTS, Agent
from .intensity import Intensity
from .records import CellRecord, GroupRecord, HostRecord, PortRecord, ServiceRecord, WireRecord

log = logging.getLogger("ipc")

INLINE, COROUTINE = 1, 2


class LocalAgent:
    """The tree's own agent, with the same `do` as a child's."""

    def __init__(self, on_event: Callable[..., None]) -> None:
        self.agent = Agent(on_event)
        self.pid = os.getpid()

    async def do(self, operation: str, *arguments: Any, timeout_s: float = 0.0) -> Any:
        """Carry out an operation; raises what it raises."""
        return await getattr(self.agent, operation)(*arguments)


class HostTree(ABC):
    """State, and the hosts. `home` is the host of a running loop, or None."""

    @abstractmethod
    async def hang_up(self, wire: WireRecord) -> None:
        """Close both ends of a wire, as far as they still exist."""

    def __init__(self, home: Host | None, intensity: Intensity) -> None:
        self.home = home
        self.intensity = intensity
        self.local = LocalAgent(self._event_here)
        self.services: dict[str, ServiceRecord] = {}
        self.hosts: dict[int, HostRecord] = {}
        self.groups: dict[str, list[GroupRecord]] = {}
        self.ports: dict[str, dict[int, PortRecord]] = {}
        self.lock = asyncio.Lock()
        self.group_lock = asyncio.Lock()
        self.release_lock = threading.Lock()
        self.wires: dict[tuple[int, int, str], WireRecord] = {}
        self.cells: dict[int, CellRecord] = {}
        self.numbers = itertools.count(10)
        self.control: Host | None = home
        self.run_dir = ""
        self.closing = False
        self.closed = False
        self.ending = asyncio.Event()
        self.over = asyncio.Event()
        self.operations = 0
        self.idle = asyncio.Event()
        self.failed: IpcError | None = None
        self.tasks: set[asyncio.Task[Any]] = set()
        self.on_death: Callable[..., Any]
        self.shut_down: Callable[[], Any]
        inline: Any = home if home is not None else InlineHost(self.reader)
        self._add_host(HostRecord(INLINE, "inline", self.local, inline))
        if home is not None:
            self._add_host(HostRecord(CLIENTS, "clients", self.local, home))
            self._add_host(HostRecord(COROUTINE, "coroutine", self.local, home))

    def _add_host(self, record: HostRecord) -> HostRecord:
        self.hosts[record.id] = record
        if record.host is not None:
            self.local.agent.hosts[record.id] = record.host
        return record

    def reader(self) -> Host:
        """The host that reads for the clients and the inline services; the default one is started on demand."""
        if self.control is None:
            self.control = take_default()
            self._add_host(HostRecord(CLIENTS, "clients", self.local, self.control))
            self._add_host(HostRecord(COROUTINE, "coroutine", self.local, self.control))
        return self.control

    @property
    def virtual(self) -> bool:
        """Whether the tree lives in virtual time."""
        return self.home is not None and self.home.virtual

    @property
    def clock(self) -> Callable[[], float]:
        """The clock that deadlines are measured by."""
        return self.home.clock if self.home is not None else time.monotonic

    async def hosts_for(
        self,
        cls: type[Service],
        placement: Placement,
        name: str,
        scheduling: Scheduling | None = None,
        regroup: bool = False,
    ) -> list[HostRecord]:
        """The hosts of a service's shards, started where they do not exist, and claimed: give them back with `unclaim`.
        `regroup`: a group of that name may be of another size; then there are two until the last has left one.

        Raises `PlacementError`, or why one did not start.
        """
        spawner = placement.spawner
        if spawner == "inline":
            hosts = [self.hosts[INLINE]] * placement.count
        elif spawner == "coroutine":
            self.reader()
            hosts = [self.hosts[COROUTINE]] * placement.count
        elif placement.group is not None:
            async with self.group_lock:
                members = (await self._group(placement, scheduling, regroup)).hosts
                if cls.shard_key is None and not cls.per_host:
                    members = [min(members, key=lambda member: len(member.cells) + member.claims)]
                for host in members:
                    host.claims += 1
            return list(members)
        else:
            names = [name if placement.count == 1 else f"{name}.{shard}" for shard in range(placement.count)]
            hosts = await self.new_hosts(spawner, names, scheduling)
        for host in hosts:
            host.claims += 1
        return hosts

    async def unclaim(self, hosts: list[HostRecord]) -> None:
        """The services are there, or will not come: hosts that nobody lives on end."""
        for host in hosts:
            host.claims -= 1
        for host in set(hosts):
            await self.drop_if_empty(host)

    async def new_hosts(self, kind: str, names: list[str], scheduling: Scheduling | None = None) -> list[HostRecord]:
        """Several new threads or processes, at once. Raises why one did not start; then there is none."""
        results = await asyncio.gather(
            *(self.new_host(kind, name, scheduling) for name in names), return_exceptions=True
        )
        hosts = [result for result in results if isinstance(result, HostRecord)]
        for result in results:
            if isinstance(result, BaseException):
                for host in hosts:
                    await self.drop_host(host)
                raise result
        return hosts

    async def _group(self, placement: Placement, scheduling: Scheduling | None, regroup: bool = False) -> GroupRecord:
        name = placement.group or ""
        there = self.groups.get(name, [])
        group = next((one for one in there if one.is_like(placement)), None)
        if group is not None and not await self.refill(group):
            group = None
        if group is None:
            if there and not regroup:
                kind, count = there[-1].hosts[0].kind, len(there[-1].hosts)
                legal = f"{kind}:{count}@{name}+{placement.channel}"
                raise PlacementError(str(placement), f"group {name!r} is {kind}:{count}", [legal])
            names = [f"{name}.{index}" for index in range(placement.count)]
            group = GroupRecord(name, await self.new_hosts(placement.spawner, names, scheduling))
            for host in group.hosts:
                host.group = group
            self.groups.setdefault(name, []).append(group)
        elif scheduling is not None and group.hosts[0].scheduling != scheduling:
            raise PlacementError(
                str(placement),
                f"the processes of group {name!r} are there already, with {group.hosts[0].scheduling or 'no'} "
                "scheduling: give all its members the same affinity and nice",
            )
        return group

    async def new_member(self, cell: CellRecord, group: GroupRecord) -> HostRecord:
        """The host of its group that takes a cell whose own has ended: one without a shard of its service, or with the
        fewest.
        """
        async with self.group_lock:
            if group.ended or not await self.refill(group):
                group = await self._group(
                    replace(cell.service.placement, group=group.name), cell.service.scheduling, regroup=True
                )
            free = [
                member for member in group.hosts if all(other.service is not cell.service for other in member.cells)
            ]
            return min(free or group.hosts, key=lambda member: len(member.cells) + member.claims)

    async def refill(self, group: GroupRecord) -> bool:
        """Put new hosts in the place of those of a group that have ended, all at once; under `group_lock`. Raises why
        one did not start; the others are there then. False where the last service left the group meanwhile: then there
        is no such group any more.
        """
        gone = [index for index, member in enumerate(group.hosts) if member.gone]
        if not gone:
            return True
        one = group.hosts[0]
        results = await asyncio.gather(
            *(self.new_host(one.kind, f"{group.name}.{index}", one.scheduling) for index in gone),
            return_exceptions=True,
        )
        failed: BaseException | None = None
        for index, fresh in zip(gone, results, strict=True):
            if isinstance(fresh, BaseException):
                failed = failed or fresh
            elif group.ended:
                await self.drop_host(fresh)
            else:
                fresh.group = group
                group.hosts[index] = fresh
        if failed is not None:
            raise failed
        return not group.ended

    async def new_host(self, kind: str, name: str, scheduling: Scheduling | None = None) -> HostRecord:
        """A new thread or process. Raises why it did not start."""
        reader = self.reader()
        number = next(self.numbers)
        spawned = await SPAWNERS[kind].spawn(
            reader, number, name, lambda event, *arguments: self._event(number, event, *arguments)
        )
        try:
            if self.closing:
                raise Closed("the tree was closed meanwhile")
            if scheduling is not None:
                await spawned.agent.do("schedule", scheduling.affinity, scheduling.nice)
        except BaseException:
            await SPAWNERS[kind].stop(spawned)
            raise
        record = HostRecord(number, kind, spawned.agent or self.local, spawned.host, spawned, scheduling=scheduling)
        return self._add_host(record)

    async def drop_host(self, host: HostRecord) -> None:
        """Stop a thread or process that no service lives on; its wires go with it."""
        if host.spawned is None or host.gone:
            return
        host.gone = True
        for wire in list(host.wires):
            await self.hang_up(wire)
        self.hosts.pop(host.id, None)
        self.local.agent.hosts.pop(host.id, None)
        await SPAWNERS[host.kind].stop(host.spawned)

    async def drop_if_empty(self, host: HostRecord) -> None:
        """Stop a host whose last service has left; of a group, all its hosts when all are empty."""
        group = host.group
        members = [host] if group is None else group.hosts
        if any(member.cells or member.claims for member in members):
            return
        if group is not None and not group.ended:
            group.ended = True
            self.groups[group.name].remove(group)
            if not self.groups[group.name]:
                del self.groups[group.name]
        for member in members:
            await self.drop_host(member)

    # -- events --------------------------------------------------------------------------------------------------------

    def _event_here(self, event: str, *arguments: Any) -> None:
        self._event(INLINE, event, *arguments)

    def _event(self, host_id: int, event: str, *arguments: Any) -> None:
        if self.closing:
            return
        control = self.reader()
        control.soon(lambda: self._spawn(host_id, event, arguments))

    def _spawn(self, host_id: int, event: str, arguments: tuple[Any, ...]) -> None:
        if self.closing:
            return
        self.background(self.on_death(self, host_id, event, *arguments))

    def background(self, coroutine: Any) -> None:
        """Run something on the control loop that nobody awaits; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._background_done)

    def _background_done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("ipc: %s", error, exc_info=error)
