"""Moving a running service, with its state and everything queued, to other hosts or another channel.

On the control loop. The service is paused, its senders are detached behind a mark, its state is taken, placed and
opened at the new place, and senders are attached there; where that fails it serves on where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..channels.crossing import PACK_ALL
from ..errors import BadFrame, Closed, IpcError, MoveTimeout, ServiceDied
from ..limits import START_TIMEOUT_S
from ..placement import Placement
from ..threads import on_running_loop
from .core import Tree
from .legal import check_placement
from .place import base_spec, bounded, uninstall
from .records import CellRecord, HostRecord, PortRecord, ServiceRecord

_DETACH_S = 10.0
"""A host that is paused answers a mark within a turn; one that does not in this time is lost."""


_BROUGHT = ("service", "state", "tokens", "timers", "requests", "stats")
"""What is placed again, of what was taken."""


async def move(
    tree: Tree,
    record: ServiceRecord,
    placement: Placement,
    timeout_s: float,
    prepare: Callable[[], Awaitable[None]] | None = None,
    regroup: bool = False,
) -> None:
    """Move a running service. Raises `MoveTimeout`, `NotSendable`, `PlacementError`, or what `open` raised there; then
    it serves where it was. `prepare` is awaited once the new hosts are there, if it goes to others, and may raise.
    `regroup`: see `hosts_for`.
    """
    async with record.lock:
        tree.refuse_closed()
        check_placement(record.cls, placement, tree.virtual, record.scheduling)
        before = record.placement
        if placement == before:
            return
        stays = (placement.spawner, placement.count, placement.group) == (before.spawner, before.count, before.group)
        old_hosts = [cell.host for cell in record.cells]
        hosts = (
            old_hosts if stays else await tree.hosts_for(record.cls, placement, record.name, record.scheduling, regroup)
        )
        try:
            if prepare is not None and not stays:
                await prepare()
            paused = await pause_all(record, timeout_s, len(hosts) != len(old_hosts))
            async with tree.lock:
                tree.refuse_closed()
                await _Move(tree, record, placement, hosts, timeout_s).run(paused)
        finally:
            if not stays:
                await tree.unclaim(hosts)
            for host in set(old_hosts):
                await tree.drop_if_empty(host)
        record.kept["moves"] = record.kept.get("moves", 0) + 1


async def pause_all(record: ServiceRecord, timeout_s: float, settle: bool) -> list[CellRecord]:
    """Pause every shard, or none; with `settle` also wait until their open requests are answered. Raises
    `MoveTimeout`.
    """
    deadline = time.monotonic() + timeout_s
    paused: list[CellRecord] = []
    try:
        for cell in record.cells:
            left = max(0.01, deadline - time.monotonic())
            paused.append(cell)
            await bounded(cell.host.agent.do("pause", cell.id, left), left + 0.05)
        for cell in record.cells if settle else ():
            await cell.host.agent.do("settle", cell.id, max(0.01, deadline - time.monotonic()))
    except BaseException as error:
        for cell in paused:
            if not on_running_loop():
                await cell.host.agent.do("serve", cell.id, [])
            else:
                task = asyncio.ensure_future(cell.host.agent.do("serve", cell.id, []))
                task.add_done_callback(_ignore)
        if isinstance(error, TimeoutError):
            raise MoveTimeout(f"service {record.name!r}: the running call did not end within {timeout_s:g} s") from None
        raise
    return paused


def _ignore(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()


class _Move:
    """One move of a paused service, under the tree's lock."""

    def __init__(
        self, tree: Tree, record: ServiceRecord, placement: Placement, hosts: list[HostRecord], timeout_s: float
    ) -> None:
        self.tree = tree
        self.record = record
        self.placement = placement
        self.before = record.placement
        self.hosts = hosts
        self.old = record.cells
        self.old_hosts = {cell: cell.host for cell in record.cells}
        self.timeout_s = timeout_s
        self.taken: dict[CellRecord, dict[str, Any]] = {}
        self.placed: dict[CellRecord, list[Any]] = {}
        self.beyond: dict[int, dict[int, list[int]]] = {}
        self.connected = False

    async def run(self, paused: list[CellRecord]) -> None:
        record = self.record
        try:
            await self._detach_incoming()
            if self.hosts == [self.old_hosts[cell] for cell in self.old]:
                record.placement = self.placement
                await self._rewire()
                return
            await self._take()
            if len(self.hosts) == len(self.old):
                await self._replace()
            else:
                await self._reshard()
        except BaseException:
            record.placement = self.before
            await self._back(paused)
            raise

    async def _detach_incoming(self) -> None:
        tree = self.tree
        for port in tree.ports_to(self.record):
            for line in port.lines:
                try:
                    ended, _, _ = await tree.agent_of(port.owner).do("detach", port.id, line.id, _DETACH_S)
                except ServiceDied:
                    if port.owner is None:
                        raise
                    break  # its end has not been seen yet; what is started in its place gets ports of its own
                if not ended:
                    raise MoveTimeout(
                        f"service {self.record.name!r}: a sender could not be halted; its place may have died"
                    )

    async def _rewire(self) -> None:
        await self._connect_all()
        for cell in self.old:
            await cell.host.agent.do("serve", cell.id, [])

    async def _take(self) -> None:
        resharded = len(self.hosts) != len(self.old)
        for index, cell in enumerate(self.old):
            new_agent = self.hosts[0 if resharded else index].agent
            leaving = new_agent is not cell.host.agent
            for port in cell.ports.values():
                counts: dict[int, list[int]] = {}
                for line in port.lines:
                    _, count, nbytes = await cell.host.agent.do("detach", port.id, line.id, _DETACH_S, leaving)
                    counts[line.cell.id] = [count, nbytes]
                self.beyond[port.id] = counts
            pack = leaving or PACK_ALL or resharded
            try:
                self.taken[cell] = await cell.host.agent.do(
                    "take", cell.id, self.timeout_s, pack, timeout_s=START_TIMEOUT_S
                )
            except BadFrame:  # a type in its state is unknown here
                await cell.host.agent.do("restore", cell.id)
                raise

    async def _replace(self) -> None:
        tree, record = self.tree, self.record
        record.placement = self.placement
        for cell, host in zip(self.old, self.hosts, strict=True):
            taken = self.taken[cell]
            cell.host = host
            crossed = host.agent is not self.old_hosts[cell].agent
            if crossed:
                for port in cell.ports.values():
                    await tree.make_port(port, taken["runs"][port.id])
                    await tree.prepare(port, self._concurrent(port))
            spec = base_spec(tree, cell)
            if "service" in taken:
                spec["service"] = taken["service"]
            else:
                spec["state"] = taken["state"]
            spec["tokens"] = taken["tokens"]
            spec["timers"] = taken["timers"]
            spec["requests"] = taken["requests"]
            spec["outs"] = taken["outs"] if crossed else []
            spec["stats"] = taken["stats"]
            await host.agent.do("place", spec, timeout_s=START_TIMEOUT_S)
            if not crossed:
                self.placed[cell] = []
        for cell in self.old:
            old_host, crossed = self.old_hosts[cell], cell.host.agent is not self.old_hosts[cell].agent
            old_host.cells.discard(cell)
            cell.host.cells.add(cell)
            for port in cell.ports.values():
                target = tree.services.get(port.target)
                if target is not None and target.cells:
                    await tree.connect(port, target, self.beyond[port.id] if crossed else None)
        self.connected = True
        held = {cell.shard: self.taken[cell]["held"] for cell in self.old}
        await self._connect_all(held)
        for cell in self.old:
            await cell.host.agent.do("serve", cell.id, self.taken[cell]["queued"])
        for cell in self.old:
            record.keep(self.taken[cell]["stats"])
            old_agent = self.old_hosts[cell].agent
            if old_agent is not cell.host.agent:
                with contextlib.suppress(ServiceDied):
                    for port in cell.ports.values():
                        await old_agent.do("forget_port", port.id)
                    await old_agent.do("drop", cell.id)

    async def _connect_all(self, held: dict[int, Any] | None = None) -> None:
        """Every sender to the service, but for those whose place has died: they are started again, with new ports."""
        for port in self.tree.ports_to(self.record):
            try:
                await self.tree.connect(port, self.record, held=held)
            except ServiceDied:
                if port.owner is None:
                    raise

    def _concurrent(self, port: PortRecord) -> bool:
        target = self.tree.services.get(port.target)
        return target is not None and target.cls.concurrency > 1

    async def _reshard(self) -> None:
        from .reshard import deal, new_states

        tree, record = self.tree, self.record
        states = new_states(record, [self.taken[cell]["state"] for cell in self.old], len(self.hosts))
        record.placement = self.placement
        fresh = [CellRecord(next(tree.numbers), record, shard, host) for shard, host in enumerate(self.hosts)]
        try:
            timers = [timer for cell in self.old for timer in self.taken[cell]["timers"]]
            tokens = [token for cell in self.old for token in self.taken[cell]["tokens"]]
            for cell, state in zip(fresh, states, strict=True):
                for name, target in record.outlets.items():
                    cell.ports[name] = await tree.new_port(target, cell, record.bounds)
                cell.host.cells.add(cell)
                spec = base_spec(tree, cell)
                spec["state"], spec["tokens"] = state, tokens
                spec["timers"] = timers if cell.shard == 0 else []
                await cell.host.agent.do("place", spec, timeout_s=START_TIMEOUT_S)
        except BaseException:
            for cell in fresh:
                await uninstall(tree, cell)
            raise
        queued, counts = deal(record, [self.taken[cell]["queued"] for cell in self.old], len(fresh))
        record.cells = fresh
        for cell in self.old:
            tree.cells.pop(cell.id, None)
            cell.host.cells.discard(cell)
            record.keep(self.taken[cell]["stats"])
            for port in cell.ports.values():
                await tree.drop_port(port, Closed("the service was divided anew"))
            await cell.host.agent.do("drop", cell.id)
        for cell in fresh:
            tree.cells[cell.id] = cell
        held = merge_held([self.taken[cell]["held"] for cell in self.old])
        for port in tree.ports_to(record):
            outstanding = {cell.id: counts[cell.shard].get(port.id, [0, 0]) for cell in fresh}
            try:
                await tree.connect(port, record, outstanding, {0: held})
            except ServiceDied:
                if port.owner is None:
                    raise
        for cell in fresh:
            await cell.host.agent.do("serve", cell.id, queued[cell.shard])

    async def _back(self, paused: list[CellRecord]) -> None:
        """Undo: the old places open again where they had closed, and serve. One that cannot is started anew."""
        tree = self.tree
        ended: dict[CellRecord, str] = {}
        if self.connected:
            await self._lose()
        for cell in self.old:
            new_host, cell.host = cell.host, self.old_hosts[cell]
            new_host.cells.discard(cell)
            cell.host.cells.add(cell)
            if new_host is not cell.host and new_host.agent is not cell.host.agent:
                with contextlib.suppress(IpcError):
                    await new_host.agent.do("undo", cell.id)
                    for port in cell.ports.values():
                        await new_host.agent.do("forget_port", port.id)
            try:
                if cell in self.placed:
                    await self._bring_back(cell)
                elif cell in self.taken:
                    await cell.host.agent.do("restore", cell.id, self.connected)
            except ServiceDied:
                continue
            except Exception as error:
                ended[cell] = f"it could not open again where it was: {type(error).__name__}: {error}"
                continue
            for port in cell.ports.values():
                target = tree.services.get(port.target)
                if target is not None and target.cells:
                    with contextlib.suppress(ServiceDied):  # it is connected when the target is started again
                        await tree.connect(port, target)
        held = {} if self.connected else {cell.shard: self.taken[cell]["held"] for cell in self.placed}
        with contextlib.suppress(ServiceDied):
            await self._connect_all(held)
        for cell in paused:
            if cell not in ended:
                with contextlib.suppress(ServiceDied):
                    await cell.host.agent.do("serve", cell.id, self.placed.get(cell, []))
        for cell, reason in ended.items():
            tree.background(tree.on_death(tree, cell.host.id, "died", cell.id, reason))

    async def _bring_back(self, cell: CellRecord) -> None:
        """Another shard could not come up where this one, of the same process, is open already: it moves back."""
        agent, taken = cell.host.agent, self.taken[cell]
        again = await agent.do("take", cell.id, self.timeout_s, PACK_ALL)
        spec = {**base_spec(self.tree, cell), **{key: again[key] for key in _BROUGHT if key in again}}
        await agent.do("place", spec)
        self.record.keep(taken["stats"])
        self.placed[cell] = [] if self.connected else taken["queued"] + again["queued"]

    async def _lose(self) -> None:
        """Commands have left for the new places; they cannot be told from those at the old ones, so all are lost."""
        record = self.record
        for port in self.tree.ports_to(record):
            for line in port.lines:
                with contextlib.suppress(ServiceDied):
                    agent = self.tree.agent_of(port.owner)
                    lost = await agent.do("died", port.id, line.id, "the place it was moving to has ended", None)
                    record.kept["lost"] = record.kept.get("lost", 0) + lost


def merge_held(all_held: list[dict[int, Any]]) -> dict[int, Any]:
    """Held replies of several shards, by port; room that was not given back is settled by the new counts."""
    merged: dict[int, Any] = {}
    for held in all_held:
        for port_id, (replies, *_) in held.items():
            merged.setdefault(port_id, [[], 0, 0, 0])[0].extend(replies)
    return merged
