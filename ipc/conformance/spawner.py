"""The contract of a spawner: `check_spawner` puts one through every clause.

`make()` returns a fresh `Spawner` each time. It is registered under a name of its own, so that ours, or yours, may be
registered already; its services are placed over the channels that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..spawners.base import Spawner
from .clauses import PATIENCE_S, as_function, run_all
from .spawner_bench import SpawnerBench
from .spawner_calls import CALLS
from .spawner_life import LIFE
from .verdict import Report


def spawner_checks(patience_s: float = PATIENCE_S) -> list[tuple[str, Callable[[Callable[[], Spawner]], str | None]]]:
    """Each clause as (name, function): it takes `make`, gives None or why it does not apply, raises `NotConformant`."""
    return [(clause.name, as_function(clause, _bench, patience_s)) for clause in [*CALLS, *LIFE]]


def check_spawner(make: Callable[[], Spawner], patience_s: float = PATIENCE_S) -> Report:
    """Check every clause, in order. Raises `NotConformant` for the first that is broken.

    Blocks, in all for seconds; starts what the spawner starts; not on an event loop's thread.
    `patience_s` is how long anything that should happen soon is waited for.
    """
    return run_all(spawner_checks(patience_s), make)


def _bench(make: Any, patience_s: float) -> SpawnerBench:
    return SpawnerBench(make, patience_s)
