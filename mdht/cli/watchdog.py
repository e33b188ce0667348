"""Tells systemd's watchdog that the node works, as long as its services answer (sd_watchdog_enabled(3))."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any

from .notify import notify

_log = logging.getLogger("mdht")


def watchdog_s() -> float:
    """Seconds between two signs of life that are asked for; 0: none."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(0, int(os.environ.get("WATCHDOG_USEC", "0"))) / 1e6
    except ValueError:
        return 0.0


async def watch(probe: Callable[[], Awaitable[Any]], every_s: float) -> None:
    """Say `WATCHDOG=1` twice as often as asked for, each time that `probe` comes back in time. Runs until cancelled.

    Where it does not, nothing is said, and the manager starts the node again.
    """
    while True:
        try:
            async with asyncio.timeout(every_s / 2):
                await probe()
        except Exception as error:
            _log.warning("the node does not answer: %s", error or type(error).__name__)
        else:
            notify("WATCHDOG=1")
        await asyncio.sleep(every_s / 2)
