"""Runs nodes in the foreground until a signal, or somebody at the door, ends them.

The first SIGINT or SIGTERM lets them say goodbye, within a bound; a second one ends the process at once, by the kernel,
so that it works whatever hangs. SIGHUP reads the configuration again where there is one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from .activation import ask_for_time
from .exits import DONE, FAILED, INTERRUPTED
from .notify import log_as_status, notify
from .watchdog import watch, watched_s

STOP_S: Final = 15.0
"""Seconds for a clean end: goodbyes, the batch that is being synced, what was shared and fetched."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_log: Final = logging.getLogger("mdht")


class Served(Protocol):
    """What can be run: a node, or a network of them."""

    async def astart(self) -> Any: ...

    async def aclose(self) -> None: ...


def serve(
    served: Served,
    ready: Callable[[], None],
    ended: Callable[[], Awaitable[None]] | None = None,
    probe: Callable[[], Awaitable[Any]] | None = None,
    reload: Callable[[], Awaitable[None]] | None = None,
    status: Callable[[Any], str] | None = None,
) -> int:
    """Start it, call `ready`, wait, and close it. The exit code: 0, or 130 after SIGINT.

    `ended` waits until it wants to end by itself; `probe` comes back as long as it works, and `status` says what that
    gave in a line; `reload` is run by SIGHUP, which ends it where there is none. Raises what `astart` and `ended`
    raise.
    """
    from ipc.loops import new_loop

    loop = new_loop()
    try:
        return loop.run_until_complete(_serve(loop, served, ready, ended, probe, reload, status))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _serve(
    loop: asyncio.AbstractEventLoop,
    served: Served,
    ready: Callable[[], None],
    ended: Callable[[], Awaitable[None]] | None,
    probe: Callable[[], Awaitable[Any]] | None,
    reload: Callable[[], Awaitable[None]] | None,
    status: Callable[[Any], str] | None,
) -> int:
    signalled: asyncio.Future[int] = loop.create_future()
    reloading: set[asyncio.Future[None]] = set()

    def came(number: int) -> None:
        if number == signal.SIGHUP and reload is not None:
            if starting.done() and not reloading:
                reloads = asyncio.ensure_future(reload())
                reloading.add(reloads)
                reloads.add_done_callback(reloading.discard)
            return
        for one in _SIGNALS:
            loop.remove_signal_handler(one)
            signal.signal(one, signal.SIG_DFL)
        if not signalled.done():
            signalled.set_result(number)

    for one in _SIGNALS:
        loop.add_signal_handler(one, came, one)
    starting = asyncio.ensure_future(served.astart())
    waiting: list[asyncio.Future[Any]] = [signalled]
    watching: asyncio.Future[None] | None = None
    patience = asyncio.ensure_future(ask_for_time())
    try:
        with log_as_status():
            await asyncio.wait([starting, signalled], return_when=asyncio.FIRST_COMPLETED)
        if signalled.done():
            starting.cancel()
            await asyncio.wait([starting])
        if not starting.cancelled():
            starting.result()
            patience.cancel()
            if not signalled.done():
                ready()
                notify("READY=1")
                if probe is not None and (every_s := watched_s()):
                    watching = asyncio.ensure_future(watch(probe, every_s, status))
                if ended is not None:
                    waiting.append(asyncio.ensure_future(ended()))
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in waiting[1:]:
                    if future.done():
                        future.result()
        return INTERRUPTED if signalled.done() and signalled.result() == signal.SIGINT else DONE
    finally:
        notify("STOPPING=1")
        patience.cancel()
        if watching is not None:
            watching.cancel()
        for future in [*waiting, *reloading]:
            future.cancel()
        await _end(served)
        for one in _SIGNALS:
            loop.remove_signal_handler(one)


async def _end(served: Served) -> None:
    """Close it, or end the process where that takes too long: by a thread, since the loop may be what hangs."""

    def late() -> None:
        print(f"mdht: not ended after {STOP_S:g} s, so ended at once", file=sys.stderr, flush=True)
        os._exit(FAILED)

    timer = threading.Timer(STOP_S, late)
    timer.daemon = True
    timer.start()
    try:
        _log.info("stopping")
        await served.aclose()
    finally:
        timer.cancel()
