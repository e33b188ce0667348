"""The tree: hosts, wires and lines, and how services get their place. All on the control loop.

control loop    the tree's home loop (`async with`), else the process's default host; a tree that is inline
throughout
                needs none, and its operations run in the caller
site            where a sender lives: the clients' site (0), or a host
wire            one connection from a site to a host, shared by all lines between the two
line            one port's channel to one shard: it keeps its number when either end moves
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from ..channels.base import CHANNELS
from ..channels.bounds import Bounds
from ..errors import Closed, IpcError, PlacementError, ServiceDied, StartTimeout
from ..host import Host
from ..placement import Placement
from ..remote_errors import pack_error
from ..service import Service
from ..spawners.base import SPAWNERS
from ..spawners.coroutine import release_default, take_default
from ..spawners.inline import InlineHost
from ..threads import on_running_loop
from .agent import Agent, class_path
from .legal import reaches
from .records import CellRecord, HostRecord, Intensity, LineRecord, PortRecord, ServiceRecord, WireRecord
from .rundir import make_run_dir

log = logging.getLogger("ipc")

T = TypeVar("T")

CLIENTS, INLINE, COROUTINE = 0, 1, 2

NO_WAY = -1
"""In the place of a wire's number: the sender stays detached."""


class LocalAgent:
    """The tree's own agent, with the same `do` as a child's."""

    def __init__(self, on_event: Callable[..., None]) -> None:
        self.agent = Agent(on_event)
        self.pid = os.getpid()

    async def do(self, operation: str, *arguments: Any, timeout_s: float = 0.0) -> Any:
        """Carry out an operation; raises what it raises."""
        return await getattr(self.agent, operation)(*arguments)


class Tree:
    """State and primitive operations. `home` is the host of a running loop, or None."""

    def __init__(self, home: Host | None, intensity: Intensity) -> None:
        self.home = home
        self.intensity = intensity
        self.local = LocalAgent(self._event_here)
        self.services: dict[str, ServiceRecord] = {}
        self.hosts: dict[int, HostRecord] = {}
        self.groups: dict[str, list[HostRecord]] = {}
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

    # -- hosts ---------------------------------------------------------------------------------------------------------

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

    async def hosts_for(self, cls: type[Service], placement: Placement, name: str) -> list[HostRecord]:
        """The hosts of a service's shards, started where they do not exist, and claimed: give them back with `unclaim`.

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
                members = await self._group(placement)
                if cls.shard_key is None and not cls.per_host:
                    members = [min(members, key=lambda member: len(member.cells) + member.claims)]
                for host in members:
                    host.claims += 1
            return list(members)
        else:
            names = [name if placement.count == 1 else f"{name}.{shard}" for shard in range(placement.count)]
            hosts = await self.new_hosts(spawner, names)
        for host in hosts:
            host.claims += 1
        return hosts

    async def unclaim(self, hosts: list[HostRecord]) -> None:
        """The services are there, or will not come: hosts that nobody lives on end."""
        for host in hosts:
            host.claims -= 1
        for host in set(hosts):
            await self.drop_if_empty(host)

    async def new_hosts(self, kind: str, names: list[str]) -> list[HostRecord]:
        """Several new threads or processes, at once. Raises why one did not start; then there is none."""
        results = await asyncio.gather(*(self.new_host(kind, name) for name in names), return_exceptions=True)
        hosts = [result for result in results if isinstance(result, HostRecord)]
        for result in results:
            if isinstance(result, BaseException):
                for host in hosts:
                    await self.drop_host(host)
                raise result
        return hosts

    async def _group(self, placement: Placement) -> list[HostRecord]:
        name = placement.group or ""
        members = self.groups.get(name)
        if members is not None and not await self.refill(members):
            members = None
        if members is None:
            members = await self.new_hosts(placement.spawner, [f"{name}.{index}" for index in range(placement.count)])
            for host in members:
                host.group = name
            self.groups[name] = members
        elif len(members) != placement.count or members[0].kind != placement.spawner:
            legal = f"{members[0].kind}:{len(members)}@{name}+{placement.channel}"
            raise PlacementError(str(placement), f"group {name!r} is {members[0].kind}:{len(members)}", [legal])
        return members

    async def new_member(self, cell: CellRecord) -> HostRecord:
        """The host of a group that takes a cell whose own has ended: one without a shard of its service, or with the
        fewest.
        """
        async with self.group_lock:
            members = await self._group(replace(cell.service.placement, group=cell.host.group))
            free = [member for member in members if all(other.service is not cell.service for other in member.cells)]
            return min(free or members, key=lambda member: len(member.cells) + member.claims)

    async def refill(self, members: list[HostRecord]) -> bool:
        """Put new hosts in the place of those of a group that have ended; under `group_lock`. Raises why one did not
        start. False where the last service left the group meanwhile: then there is no such group any more.
        """
        for index, member in enumerate(members):
            if member.gone:
                fresh = await self.new_host(member.kind, f"{member.group}.{index}")
                fresh.group = member.group
                members[index] = fresh
                if self.groups.get(member.group or "") is not members:
                    await self.drop_host(fresh)
                    return False
        return True

    async def new_host(self, kind: str, name: str) -> HostRecord:
        """A new thread or process. Raises why it did not start."""
        reader = self.reader()
        number = next(self.numbers)
        spawned = await SPAWNERS[kind].spawn(
            reader, number, name, lambda event, *arguments: self._event(number, event, *arguments)
        )
        if self.closing:
            await SPAWNERS[kind].stop(spawned)
            raise Closed("the tree was closed meanwhile")
        return self._add_host(HostRecord(number, kind, spawned.agent or self.local, spawned.host, spawned))

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
        members = self.groups.get(host.group, [host]) if host.group is not None else [host]
        if any(member.cells or member.claims for member in members):
            return
        if host.group is not None:
            self.groups.pop(host.group, None)
        for member in members:
            await self.drop_host(member)

    # -- events --------------------------------------------------------------------------------------------------------

    def _event_here(self, event: str, *arguments: Any) -> None:
        self._event(INLINE, event, *arguments)

    def _event(self, host_id: int, event: str, *arguments: Any) -> None:
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

    # -- wires ---------------------------------------------------------------------------------------------------------

    def agent_of(self, owner: CellRecord | None) -> Any:
        """The agent of a port's owner."""
        return owner.host.agent if owner is not None else self.local

    def site_of(self, owner: CellRecord | None) -> HostRecord:
        """The host that reads replies for a port's owner."""
        if owner is not None:
            return owner.host
        self.reader()
        return self.hosts[CLIENTS]

    async def wire(self, owner: CellRecord | None, target: HostRecord, kind: str) -> WireRecord:
        """The wire from an owner's site to a host, made where it does not exist."""
        source = self.site_of(owner)
        if source.kind == "inline":
            self.reader()
        key = (source.id, target.id, kind)
        if (known := self.wires.get(key)) is not None:
            return known
        record = WireRecord(next(self.numbers), source, target, kind)
        hosted = source.kind != "clients" and not (owner is not None and owner.service.cls.blocking)
        source_agent = source.agent
        channel = CHANNELS[kind]
        within = source_agent is self.local and target.agent is self.local
        if not within and not channel.descriptors:
            self.run_dir = self.run_dir or make_run_dir()
        there, here, record.path = channel.link("" if within else self.run_dir, target.id)
        try:
            await target.agent.do("listen", record.id, target.id, kind, there)
        except BaseException:
            if channel.descriptors:
                os.close(here)
            raise
        await source_agent.do("dial", record.id, source.id, kind, here, hosted)
        self.wires[key] = record
        source.wires.add(record)
        target.wires.add(record)
        return record

    async def hang_up(self, wire: WireRecord) -> None:
        """Close both ends of a wire, as far as they still exist."""
        self.wires.pop((wire.source.id, wire.target.id, wire.kind), None)
        wire.source.wires.discard(wire)
        wire.target.wires.discard(wire)
        for host in (wire.source, wire.target):
            if host.agent is self.local or not (host.gone or host.stuck):
                try:
                    await host.agent.do("hang_up", wire.id)
                except (ServiceDied, StartTimeout):
                    continue
        if wire.target.gone and wire.path:
            _unlink(wire.path)

    # -- ports and lines -----------------------------------------------------------------------------------------------

    async def new_port(self, target: str, owner: CellRecord | None, bounds: Bounds) -> PortRecord:
        """A port, connected where its target is there already."""
        port = PortRecord(next(self.numbers), target, bounds, owner)
        self.ports.setdefault(target, {})[port.id] = port
        await self.make_port(port, 0)
        if (record := self.services.get(target)) is not None and record.cells:
            await self.connect(port, record)
        return port

    async def make_port(self, port: PortRecord, first_run: int) -> None:
        """Make the port at its owner's agent."""
        bounds = [port.bounds.commands, port.bounds.bytes, port.bounds.when_full]
        await self.agent_of(port.owner).do("port", port.id, port.target, bounds, first_run, port.owner is None)

    def targets(self, port: PortRecord, record: ServiceRecord) -> list[CellRecord]:
        """The shards that a port sees: all, or for a `per_host` service and a sender of its group the one beside it."""
        if record.cls.per_host and port.owner is not None:
            beside = [cell for cell in record.cells if cell.host is port.owner.host]
            if beside:
                return beside
        return record.cells

    async def connect(
        self, port: PortRecord, record: ServiceRecord, outstanding: dict[int, list[int]] | None = None, held: Any = None
    ) -> None:
        """Give a port its ways to the shards of its target; `held` are replies that came along, by shard."""
        cells = self.targets(port, record)
        if [line.cell for line in port.lines] != cells:
            port.lines = [LineRecord(next(self.numbers), port, cell) for cell in cells]
        concurrent = record.cls.concurrency > 1
        lines = []
        for line in port.lines:
            kind, same = self.way(port, line.cell)
            line.wire = None
            if kind:
                line.wire = await self.wire(port.owner, line.cell.host, kind)
            beyond = outstanding.get(line.cell.id) if outstanding else None
            lines.append([line.id, line.cell.id, concurrent, line.wire.id if line.wire else 0, same, beyond])
        agent = self.agent_of(port.owner)
        key: Any = None
        if len(lines) > 1 and record.cls.shard_key is not None:
            key = record.cls if agent is self.local else class_path(record.cls)
        wired = [line for line in port.lines if line.wire is not None]
        if wired:  # replies that are held there may come as soon as it receives, which is before the sender is attached
            ways = [-line.wire.id if line.wire else NO_WAY for line in port.lines]
            known = [[*line[:3], way, False, None] for line, way in zip(lines, ways, strict=True)]
            await agent.do("attach", port.id, known, key)
        bounds = [port.bounds.commands, port.bounds.bytes]
        for line in wired:
            assert line.wire is not None
            replies = held.get(line.cell.shard, {}).get(port.id) if held else None
            await line.cell.host.agent.do("receive", line.id, port.id, line.cell.id, line.wire.id, bounds, replies)
        await agent.do("attach", port.id, lines, key)

    async def prepare(self, port: PortRecord, concurrent: bool) -> None:
        """Give a port that was made anew its senders, detached: what is sent waits for `connect`."""
        lines = [[line.id, line.cell.id, concurrent, NO_WAY, False, None] for line in port.lines]
        await self.agent_of(port.owner).do("attach", port.id, lines, None)

    def way(self, port: PortRecord, cell: CellRecord) -> tuple[str, bool]:
        """How a port reaches a cell: the kind of wire (empty: objects), and whether both are on one host."""
        owner = port.owner
        same_process = self.agent_of(owner) is cell.host.agent
        if owner is not None and same_process:
            one = owner.host is cell.host or (owner.host.host is not None and owner.host.host is cell.host.host)
            if one:
                return "", True
        if owner is None and cell.host.kind == "inline":
            return "", True
        return reaches(cell.service.placement.channel, same_process), False

    async def drop_port(self, port: PortRecord, error: IpcError) -> None:
        """Close a port; whoever waits on it gets the error."""
        self.ports.get(port.target, {}).pop(port.id, None)
        agent = self.agent_of(port.owner)
        for line in port.lines:
            if line.wire is not None and not line.cell.host.gone and not self.closing:
                self.background(self._unreceive(line, line.wire))
        if agent is not self.local and port.owner is not None and port.owner.host.stuck:
            return
        try:
            await agent.do("drop_port", port.id, error if agent is self.local else pack_error(error))
        except (ServiceDied, StartTimeout):
            return

    @staticmethod
    async def _unreceive(line: LineRecord, wire: WireRecord) -> None:
        # not awaited by who closes: the service may be in a long call
        try:
            await line.cell.host.agent.do("unreceive", line.id, line.port.id, line.cell.id, wire.id)
        except (ServiceDied, StartTimeout):
            return

    def ports_to(self, record: ServiceRecord) -> list[PortRecord]:
        """Every port whose target this service is."""
        return list(self.ports.get(record.name, {}).values())

    # -- the end -------------------------------------------------------------------------------------------------------

    def release(self) -> None:
        """After everything was stopped: the run directory goes; returns nothing, and never blocks."""
        self.closed = True
        if self.run_dir:
            shutil.rmtree(self.run_dir, ignore_errors=True)
            self.run_dir = ""

    def abandon(self) -> None:
        """The event loop that the tree lived on has ended, and nobody had closed the tree: let go of all without it."""
        self.closing = True
        if self.home is not None:
            self.home.thread = None
        for host in list(self.hosts.values()):
            if host.spawned is not None and not host.gone:
                host.gone = True
                SPAWNERS[host.kind].abandon(host.spawned)
        for wire in list(self.local.agent.dialled.values()):
            wire.close()
            wire.carrier.close()
        if self.home is not None:
            self.home.close_wires()
        self.release()

    def release_control(self) -> None:
        """Give the default host back. Blocks; never on its own thread."""
        with self.release_lock:
            control, self.control = self.control, self.home
        if control is not None and control is not self.home:
            release_default()

    async def operate(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await an operation that somebody waits for; the end of the tree waits for its end."""
        self.operations += 1
        self.idle.clear()
        try:
            return await coroutine
        finally:
            self.operations -= 1
            if not self.operations:
                self.idle.set()

    async def unless_closed(self, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Await what a service does, at most so long. Raises `StartTimeout`, and `Closed` when the tree ends."""
        if not on_running_loop():
            return await coroutine
        task, ending = asyncio.ensure_future(coroutine), asyncio.ensure_future(self.ending.wait())
        try:
            await asyncio.wait({task, ending}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            task.cancel()
            ending.cancel()
        if self.closing:
            raise Closed("the tree was closed meanwhile")
        raise StartTimeout(f"a service did not start within {timeout_s:g} s")

    def refuse_closed(self) -> None:
        """Raise what closed the tree, if something did."""
        if self.failed is not None:
            raise self.failed
        if self.closing or self.closed:
            raise Closed("the tree is closed")


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
