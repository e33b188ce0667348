"""What happens when something ends by itself: a service, a process, or one connection. On the control loop.

Callers whose command had left get `ServiceDied`; what had not left waits at its sender for the successor, a new object
from the same parameters. Nothing is tried again by us. Too many deaths in one place, and the tree gives up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

from ..errors import IpcError, ServiceDied, TooManyRestarts, describe_exit
from ..limits import START_TIMEOUT_S
from .core import Tree
from .place import base_spec, bounded
from .records import CellRecord, HostRecord, ServiceRecord, WireRecord

log = logging.getLogger("ipc")

_AGAIN_S = 0.02
"""A restart that failed is tried again after this: the end of a process is seen before that."""

_SETTLE_S = 0.2
"""A connection that breaks is usually the first sign of a process that ends: its own end is then seen within this."""


async def on_event(tree: Tree, host_id: int, event: str, *arguments: Any) -> None:
    """Something happened at an agent."""
    if event == "ended":
        await host_ended(tree, host_id)
    elif event == "died":
        cell = tree.cells.get(arguments[0])
        if cell is not None:
            await service_died(tree, cell, str(arguments[1]))
    elif event == "lost":
        await wire_lost(tree, int(arguments[0]))


async def host_ended(tree: Tree, host_id: int) -> None:
    """A process ended: tell who waits, then restart what lived there."""
    host = tree.hosts.get(host_id)
    if host is None or host.gone or tree.closing:
        return
    host.gone = True
    tree.hosts.pop(host_id, None)
    counts = any(cell.service.restart for cell in host.cells)
    code = await host.agent.reap()
    how = "it left no exit code" if code is None else describe_exit(code)
    reason = f"its process {host.agent.pid} ended ({how})"
    if host.condemned:
        reason, how = f"{host.condemned}; {reason}", f"{host.condemned}, {how}"
    log.error("%s: %s", host.agent.name, reason)
    if counts and one_too_many(tree, host.place, how):
        return
    for wire in list(host.wires):
        await tree.hang_up(wire)
    cells = sorted(host.cells, key=lambda cell: cell.id)
    for cell in cells:
        await _tell(tree, cell, host, reason)
    for cell in cells:
        if tree.closing:
            return
        await restart(tree, cell, reason, host)
    await tree.drop_if_empty(host)


async def _tell(tree: Tree, cell: CellRecord, dead: HostRecord, reason: str) -> None:
    """What had left for a cell is lost with its host, unless it moves from there: then the move says what is lost."""
    record = cell.service
    for port in tree.ports_to(record):
        for line in port.lines:
            if line.cell is cell and cell.host is dead and not (port.owner is not None and port.owner.host.gone):
                try:
                    lost = await tree.agent_of(port.owner).do("died", port.id, line.id, reason, dead.agent.exit_code)
                except ServiceDied:
                    continue
                record.kept["lost"] = record.kept.get("lost", 0) + lost


async def service_died(tree: Tree, cell: CellRecord, reason: str) -> None:
    """A service ended while its host lives: what was queued goes to the successor."""
    await restart(tree, cell, reason, None)


async def restart(tree: Tree, cell: CellRecord, reason: str, dead_host: HostRecord | None) -> None:
    """Put a new object in the place of a cell that ended, as often as the intensity allows; else the tree gives up."""
    record, expected, before = cell.service, dead_host, cell.host
    while True:
        async with record.lock:  # not held between tries: what fails may be another shard that has ended, too
            if (
                tree.closing
                or tree.failed is not None
                or record.stopped
                or cell not in record.cells
                or (expected is not None and cell.host is not expected)
            ):
                return
            record.last_error = reason
            if not record.restart:
                await stay_dead(tree, record, reason)
                return
            counted = cell.host.gone and (dead_host is not None or cell.host is not before)
            if not counted and one_too_many(tree, cell.place, reason):
                return
            record.kept["restarts"] = record.kept.get("restarts", 0) + 1
            log.error("service %r is restarted: %s", record.name, reason)
            before, dead_host = cell.host, None
            try:
                async with tree.lock:
                    if tree.closing:
                        return
                    await _replace(tree, cell)
                return
            except IpcError as error:
                reason = f"its restart failed: {error}"
            except Exception as error:
                reason = f"its restart failed: {type(error).__name__}: {error}"
            expected = cell.host
        await asyncio.sleep(_AGAIN_S)


def one_too_many(tree: Tree, place: str, reason: str) -> bool:
    """Count a death, of a process by `host_ended`, else of a cell; whether the tree has given up, now or before."""
    if tree.failed is not None or not tree.intensity.exceeded(place, reason, time.monotonic()):
        return tree.failed is not None
    tree.failed = TooManyRestarts(tree.intensity.told(place))
    log.critical("the tree gives up: %s died too often", place)
    tree.background(tree.shut_down())
    return True


async def _replace(tree: Tree, cell: CellRecord) -> None:
    record = cell.service
    queued: list[Any] = []
    held: dict[int, Any] = {}
    if cell.host.gone:
        await _tell(tree, cell, cell.host, "its process ended")
        host = await _successor(tree, cell)
    else:
        host = cell.host
        if cell.id in tree.cells:
            for port in tree.ports_to(record):
                for line in port.lines:
                    if line.cell is cell:
                        await tree.agent_of(port.owner).do("detach", port.id, line.id, 2.0)
            salvaged = await host.agent.do("salvage", cell.id)
            queued, held = salvaged["queued"], salvaged["held"]
            record.keep(salvaged["stats"])
    for port in list(cell.ports.values()):
        await tree.drop_port(port, ServiceDied(record.name, "the service that asked has died"))
    cell.ports = {}
    for name, target in record.outlets.items():
        cell.ports[name] = await tree.new_port(target, cell, record.bounds)
    spec = base_spec(tree, cell)
    spec["fresh"] = True
    await bounded(host.agent.do("place", spec, timeout_s=START_TIMEOUT_S), START_TIMEOUT_S)
    for port in tree.ports_to(record):
        if port.owner is not None and port.owner.host.gone:
            continue  # it has ended, too, and gets new ports when it is restarted
        if any(line.cell is cell for line in port.lines):
            try:
                await tree.connect(port, record, held={cell.shard: held})
            except ServiceDied:
                continue  # its owner, or another shard, ends, too, and connects it when it is restarted
    await host.agent.do("serve", cell.id, queued)


async def _successor(tree: Tree, cell: CellRecord) -> HostRecord:
    """Another host for a cell whose host has ended; from now on it lives there."""
    dead = cell.host
    if dead.group is None:
        one, name = len(cell.service.cells) == 1, cell.service.name
        host = await tree.new_host(dead.kind, name if one else f"{name}.{cell.shard}", dead.scheduling)
    else:
        host = await tree.new_member(cell, dead.group)
    dead.cells.discard(cell)
    cell.host = host
    host.cells.add(cell)
    return host


async def stay_dead(tree: Tree, record: ServiceRecord, reason: str) -> None:
    """A service that is not to be restarted has died: who asks it is told."""
    error = ServiceDied(record.name, f"it is not restarted: {reason}")
    log.critical("%s", error)
    record.stopped = True
    for port in tree.ports_to(record):
        await tree.agent_of(port.owner).do("drop_port", port.id, error if port.owner is None else None)
    await asyncio.sleep(0)


async def wire_lost(tree: Tree, wire_id: int) -> None:
    """One connection broke. If its process lives on, its commands are lost, and the lines get a new one."""
    wire = next((wire for wire in tree.wires.values() if wire.id == wire_id), None)
    if wire is None:
        return
    await asyncio.sleep(_SETTLE_S)
    if wire not in tree.wires.values() or tree.closing or wire.target.gone or wire.source.gone:
        return
    with contextlib.suppress(ServiceDied):  # its process ends after all, which is then seen by itself
        await _renew(tree, wire)


async def _renew(tree: Tree, wire: WireRecord) -> None:
    async with tree.lock:
        await tree.hang_up(wire)
        for ports in list(tree.ports.values()):
            for port in list(ports.values()):
                lines = [line for line in port.lines if line.wire is wire]
                record = tree.services.get(port.target)
                if not lines or record is None:
                    continue
                for line in lines:
                    lost = await tree.agent_of(port.owner).do("died", port.id, line.id, "its connection broke", None)
                    record.kept["lost"] = record.kept.get("lost", 0) + lost
                await tree.connect(port, record)
