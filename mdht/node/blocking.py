"""Which threads may not be blocked: those of event loops."""

from __future__ import annotations

import asyncio

from ipc import WouldDeadlock


def on_loop() -> bool:
    """Whether an event loop runs on this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def check_may_block() -> None:
    """Raises `ipc.WouldDeadlock` on the thread of an event loop."""
    if on_loop():
        raise WouldDeadlock("this would block an event loop's thread: await its twin, the same name after an a")
