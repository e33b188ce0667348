"""Placing services: the first start, and what a move needs besides. On the control loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from ..errors import Closed, ServiceDied, StartTimeout
from ..limits import START_TIMEOUT_S, STOP_TIMEOUT_S
from ..service import waits_in_place
from ..threads import on_running_loop
from .agent import class_path
from .core import Tree
from .legal import check_placement
from .records import CellRecord, ServiceRecord


async def bounded(awaitable: Any, timeout_s: float) -> Any:
    """Await at most so long; where no event loop runs there is nothing to wait for. Raises `TimeoutError`."""
    if not on_running_loop():
        return await awaitable
    async with asyncio.timeout(timeout_s):
        return await awaitable


# -- the first start ---------------------------------------------------------------------------------------------------


async def start(tree: Tree, record: ServiceRecord) -> None:
    """Start a service's shards. Raises what `open` or `start` raised, having undone everything."""
    check_placement(record.cls, record.placement, tree.virtual, record.scheduling)
    hosts = await tree.hosts_for(record.cls, record.placement, record.name, record.scheduling)
    cells = [CellRecord(next(tree.numbers), record, shard, host) for shard, host in enumerate(hosts)]
    placed: list[CellRecord] = []
    try:
        for cell in cells:
            cell.host.cells.add(cell)
            placed.append(cell)
            await install(tree, cell)
        async with tree.lock:
            await begin(tree, record, cells)
    except BaseException:
        record.cells = []
        for cell in reversed(placed):
            with contextlib.suppress(Exception):
                await uninstall(tree, cell)
        raise
    finally:
        await tree.unclaim(hosts)


async def begin(tree: Tree, record: ServiceRecord, cells: list[CellRecord]) -> None:
    """Connect every port to these cells and let them serve."""
    record.cells = cells
    for cell in cells:
        tree.cells[cell.id] = cell
    for port in tree.ports_to(record):
        await tree.connect(port, record)
    for cell in cells:
        await cell.host.agent.do("serve", cell.id, [])


async def install(tree: Tree, cell: CellRecord) -> None:
    """Make a fresh cell with its outlets, open and start it; it does not serve yet."""
    record = cell.service
    async with tree.lock:
        for name, target in record.outlets.items():
            cell.ports[name] = await tree.new_port(target, cell, record.bounds)
    spec = base_spec(tree, cell)
    spec["fresh"] = True
    if cell.host.agent is tree.local and cell.shard == 0 and record.first is not None:
        spec["service"] = record.first
        record.first = None
    spec["parameters"] = record.parameters
    await tree.unless_closed(cell.host.agent.do("place", spec, timeout_s=START_TIMEOUT_S), START_TIMEOUT_S)


def base_spec(tree: Tree, cell: CellRecord) -> dict[str, Any]:
    """What every way of placing a cell says of it."""
    record = cell.service
    local = cell.host.agent is tree.local
    return {
        "cell": cell.id,
        "shard": cell.shard,
        "shards": record.placement.count if record.cls.shard_key or record.cls.per_host else 1,
        "name": record.name,
        "host": cell.host.id,
        "nests": _nests(record),
        "outlets": {name: port.id for name, port in cell.ports.items()},
        "class": record.cls if local else class_path(record.cls),
        "parameters": record.parameters,
        "fresh": False,
    }


def _nests(record: ServiceRecord) -> bool:
    """Whether a command from a service on the same host is served inside its sender's call: inline, and in a group,
    whose members share a thread for that very reason.
    """
    placement = record.placement
    if waits_in_place(record.cls):  # it needs a stack of its own
        return False
    return placement.group is not None or (placement.spawner == "inline" and placement.channel == "none")


async def uninstall(tree: Tree, cell: CellRecord, timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Stop one cell and close its ports. Raises what its `stop` or `close` raised."""
    cell.host.cells.discard(cell)
    tree.cells.pop(cell.id, None)
    try:
        if not (cell.host.gone and cell.host.agent is not tree.local):
            await bounded(cell.host.agent.do("stop", cell.id, timeout_s / 2), timeout_s)
    except (ServiceDied, StartTimeout):
        pass
    except TimeoutError:
        if cell.host.spawned is not None:
            cell.host.spawned.stuck = True
        raise
    finally:
        for port in cell.ports.values():
            await tree.drop_port(port, Closed(f"service {cell.service.name!r} was stopped"))
