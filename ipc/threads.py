"""Which thread is this, and may it block?"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from .errors import WouldDeadlock

_local = threading.local()


def on_running_loop() -> bool:
    """Whether an event loop runs on this thread and a blocking service is not what it runs."""
    return asyncio._get_running_loop() is not None and getattr(_local, "parked", None) is None


def refuse_to_block(method: str, instead: str = "") -> None:
    """Raise `WouldDeadlock` where blocking would stop an event loop; `method` names the blocking method, and `instead`
    what to write there, where that is not its `a…` twin.
    """
    if on_running_loop():
        instead = instead or f"await ….a{method}(…)"
        raise WouldDeadlock(f"{method}() would block the event loop of this thread: use `{instead}` instead")


def parked_host() -> Any:
    """The host whose blocking service this thread is running, or None."""
    return getattr(_local, "parked", None)


def set_parked(host: Any) -> None:
    """Say that this thread now runs (or, with None, no longer runs) a blocking service of `host`."""
    _local.parked = host
