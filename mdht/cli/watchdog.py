"""Tells systemd's watchdog that the node works, as long as its services answer (sd_watchdog_enabled(3))."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

from .notify import notified, notify

_log = logging.getLogger("mdht")

_OFTEN: Final = 4
_WITHIN: Final = 3
"""A look begins four times in the time that the manager waits, and may take a third of it. So one that is slow delays a
sign by less than half of it, and a single one that fails (a quarter to the next look, and a third for each of both)
does not end the node; two do.
"""

STATUS_S: Final = 120.0
"""Seconds that stand for the manager's where it waits for no sign, and only shows how the node is."""


def watchdog_s() -> float:
    """Seconds between two signs of life that are asked for; 0: none."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(0, int(os.environ.get("WATCHDOG_USEC", "0"))) / 1e6
    except ValueError:
        return 0.0


def watched_s() -> float:
    """`watchdog_s`, or `STATUS_S` where the manager only listens; 0: there is none."""
    return watchdog_s() or (STATUS_S if notified() else 0.0)


async def watch(
    probe: Callable[[], Awaitable[Any]], every_s: float, status: Callable[[Any], str] | None = None
) -> None:
    """Say `WATCHDOG=1` often enough for who waits for it every so many seconds, each time that `probe` comes back in
    time; with it the `status` of what that gave. Runs until cancelled.

    Where it does not, nothing is said, and the manager starts the node again.
    """
    loop = asyncio.get_running_loop()
    while True:
        next_s = loop.time() + every_s / _OFTEN
        try:
            async with asyncio.timeout(every_s / _WITHIN):
                found = await probe()
        except Exception as error:
            _log.warning("the node does not answer: %s", str(error) or type(error).__name__)
        else:
            notify("WATCHDOG=1" if status is None else f"WATCHDOG=1\nSTATUS={status(found)}")
        await asyncio.sleep(max(0.0, next_s - loop.time()))
