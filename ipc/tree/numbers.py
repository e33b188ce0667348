"""The numbers of all services of a tree, within a bound. On the control loop."""

from __future__ import annotations

import asyncio
from typing import Any

from ..errors import IpcError, ServiceDied, StartTimeout
from ..limits import STATS_TIMEOUT_S
from ..stats import ServiceStats, merge
from .core import Tree
from .legal import is_apart
from .records import CellRecord


async def stats_of(tree: Tree) -> dict[str, ServiceStats]:
    """Every service by name. Each process is asked once, all at the same time."""
    services = [(record, list(record.cells)) for record in list(tree.services.values())]
    apart: dict[Any, list[CellRecord]] = {}
    found: dict[int, dict[str, Any]] = {}
    for _, cells in services:
        for cell in cells:
            agent = cell.host.agent
            if agent is tree.local:
                if (one := tree.local.agent.cells.get(cell.id)) is not None:
                    found[cell.id] = one.stats()
            else:
                apart.setdefault(agent, []).append(cell)
    silent: dict[Any, float] = {}
    if apart:
        for answer in await asyncio.gather(*(_ask(agent, cells, silent) for agent, cells in apart.items())):
            found.update(answer)
    return {
        record.name: merge(
            record.name,
            str(record.placement),
            [found[cell.id] for cell in cells if cell.id in found],
            record.kept,
            record.last_error,
            is_apart(record.placement.spawner),
            record.last_hang,
            max((silent.get(cell.host.agent, 0.0) for cell in cells), default=0.0),
        )
        for record, cells in services
    }


async def _ask(agent: Any, cells: list[CellRecord], silent: dict[Any, float]) -> dict[int, dict[str, Any]]:
    """What a process says of its cells: nothing where it has ended, and where it is `silent` what it said last."""
    try:
        rows = await agent.do("stats", [cell.id for cell in cells], timeout_s=STATS_TIMEOUT_S)
    except StartTimeout:
        silent[agent] = max(STATS_TIMEOUT_S, agent.silent_s()) if hasattr(agent, "silent_s") else STATS_TIMEOUT_S
        return {cell.id: _last(cell, agent.pid) for cell in cells}
    except (ServiceDied, OSError, LookupError):
        return {}
    except IpcError:
        if any(not cell.host.gone for cell in cells):
            raise
        return {}
    answer = {row["cell"]: row for row in rows}
    for cell in cells:
        if (known := answer.get(cell.id)) is not None:
            cell.told = {**known, "times": []}
    return answer


def _last(cell: CellRecord, pid: int) -> dict[str, Any]:
    """What a cell last said from that process; zeros where it never did."""
    if cell.told.get("pid") == pid:
        return cell.told
    counts = ("calls", "errors", "busy_s", "queued", "queued_bytes", "oldest_wait_s", "expired", "late", "bad_frames")
    return {"pid": pid, "times": [], **dict.fromkeys(counts, 0)}
