"""Wires, ports and lines: how senders reach services. On the control loop."""

from __future__ import annotations

import os
from typing import Any

from ..channels.base import CHANNELS
from ..channels.bounds import Bounds
from ..errors import IpcError, ServiceDied, StartTimeout
from ..remote_errors import pack_error
from .agent import CLIENTS, class_path
from .hosts import HostTree
from .legal import reaches
from .records import CellRecord, HostRecord, LineRecord, PortRecord, ServiceRecord, WireRecord
from .rundir import make_run_dir

NO_WAY = -1
"""In the place of a wire's number: the sender stays detached."""


class WiredTree(HostTree):
    """Connects ports to the shards of their services."""

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
        blocking = owner is not None and owner.service.cls.blocking
        hosted = source.kind != "clients" and not blocking
        source_agent = source.agent
        reads = CLIENTS if blocking else source.id  # its own loop stands while it blocks
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
        await source_agent.do("dial", record.id, reads, kind, here, hosted)
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
            try:
                await self.connect(port, record)
            except ServiceDied:  # the target's end: its restart connects it, and what is sent waits for that
                await self.prepare(port, record.cls.concurrency > 1)
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
        for line in port.lines if held else ():
            replies = held.get(line.cell.shard, {}).get(port.id)
            if line.wire is None and replies:
                await agent.do("take_held", port.id, line.id, replies)

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


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
