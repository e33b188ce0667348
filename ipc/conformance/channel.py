"""The contract of a channel: `check_channel` puts one through every clause.

`make()` returns a fresh `Channel` each time; where it can be imported by its name, other processes make theirs from it,
too. It is registered under a name of its own, so that ours, or yours, may be registered already. What `make` (or the
channel) may say:

    spawners = ("thread", "process")    the spawners whose services the channel reaches
    notices_loss = True                 False where an end does not see that the other is gone
    corrupt(carrier, data)              writes bytes past the framing, from the sender's end, that no frame begins with
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..channels.base import Channel
from .channel_bench import ChannelBench
from .channel_bounds import BOUNDS
from .channel_delivery import DELIVERY
from .channel_ends import ENDS
from .channel_frames import FRAMES
from .channel_garbage import GARBAGE
from .channel_services import SERVICES
from .channel_waking import WAKING
from .clauses import PATIENCE_S, as_function, run_all
from .verdict import Report


def channel_checks(patience_s: float = PATIENCE_S) -> list[tuple[str, Callable[[Callable[[], Channel]], str | None]]]:
    """Each clause as (name, function): it takes `make`, gives None or why it does not apply, raises `NotConformant`."""
    clauses = [*DELIVERY, *FRAMES, *WAKING, *BOUNDS, *ENDS, *GARBAGE, *SERVICES]
    return [(clause.name, as_function(clause, _bench, patience_s)) for clause in clauses]


def check_channel(make: Callable[[], Channel], patience_s: float = PATIENCE_S) -> Report:
    """Check every clause, in order. Raises `NotConformant` for the first that is broken.

    Blocks, in all for seconds; starts threads and processes; not on an event loop's thread.
    `patience_s` is how long anything that should happen soon is waited for.
    """
    return run_all(channel_checks(patience_s), make)


def _bench(make: Any, patience_s: float) -> ChannelBench:
    return ChannelBench(make, patience_s)
