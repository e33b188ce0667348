"""From two looks at a node's services: what they did in between. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from ..control import ServiceRow

Rate = dict[str, Any]
"""The fields of a `ServiceRow`, and `cpu_percent`, `busy_percent` and `calls_s` of the time between the looks."""


def rates(before: Sequence[ServiceRow], now: Sequence[ServiceRow], passed_s: float) -> list[Rate]:
    """One for each service that is there now. What was counted from 0 in between counts from 0."""
    old = {row.name: row for row in before}
    found: list[Rate] = []
    for row in now:
        then = old.get(row.name, row)
        same = then.pids == row.pids  # else the CPU seconds are of other processes
        found.append(
            {
                **dataclasses.asdict(row),
                "cpu_percent": 100 * max(0.0, row.cpu_s - then.cpu_s) / passed_s if same else 0.0,
                "busy_percent": 100 * max(0.0, row.busy_s - then.busy_s) / passed_s,
                "calls_s": max(0, row.calls - then.calls) / passed_s,
            }
        )
    return found
