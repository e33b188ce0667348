"""What a call through `inline+none` costs over a bare method call, in nanoseconds."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import repeat
from time import perf_counter_ns
from typing import Any

CALLS = 20_000


def call_cost(repeats: int, payload: bytes) -> dict[str, float]:
    """Medians of interleaved loops: `bare`, `inline` and their difference `over`, each in ns a call."""
    from echo_service import Echo
    from ipc import launch

    bare_ns, inline_ns = [], []
    with launch(Echo(), "inline+none") as client:
        bare = Echo().call
        for _ in range(max(5, repeats) * 4):
            bare_ns.append(loop_ns(bare, payload))
            inline_ns.append(loop_ns(client.call, payload))
    result = {"bare": statistics.median(bare_ns), "inline": statistics.median(inline_ns)}
    return {**result, "over": result["inline"] - result["bare"]}


def loop_ns(call: Callable[[Any], Any], payload: bytes) -> float:
    begun = perf_counter_ns()
    for _ in repeat(None, CALLS):
        call(payload)
    return (perf_counter_ns() - begun) / CALLS
