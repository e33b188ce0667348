"""What went wrong with a service, in words, for `place` and `doctor`."""

from __future__ import annotations

from ..control import ServiceRow
from . import output


def silence(row: ServiceRow) -> str:
    """That one of its processes does not answer; empty: all do."""
    if not row.silent_s:
        return ""
    where = f"process {row.pids[0]}" if len(row.pids) == 1 else f"one of processes {', '.join(map(str, row.pids))}"
    return f"has not answered for {row.silent_s:.1f} s ({where}); its numbers are older"


def troubles(row: ServiceRow) -> list[str]:
    """What has happened to it since the start of the node."""
    found = []
    if row.restarts:
        found.append(f"was started again {output.count(row.restarts, 'time')}, last because {row.last_error}")
    if row.hangs:
        found.append(f"hung {output.count(row.hangs, 'time')}, last: {row.last_hang}")
    return found


def stays(row: ServiceRow) -> bool:
    """Whether it hung where nothing could end it."""
    return row.hangs > 0 and not row.placement.startswith("process")


def remedy(name: str) -> str:
    """What ends a service that hangs on a thread."""
    from ..config.services import STAY

    if name in STAY:
        return "restart the node"
    return f"in a process it is ended and started again: mdht place {name} process"
