"""The tree: hosts, wires and lines, and how services get their place. All on the control loop.

    control loop    the tree's home loop (`async with`), else the process's default host
    site            where a sender lives: the clients' site (0), or a host
    wire            one connection from a site to a host, shared by all lines between the two
    line            one port's channel to one shard: it keeps its number when either end moves

A tree that is inline throughout needs no control loop, and its operations run in the caller.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..errors import Closed, IpcError, StartTimeout
from ..spawners.base import SPAWNERS
from ..spawners.coroutine import release_default
from ..threads import on_running_loop
from .wiring import WiredTree

log = logging.getLogger("ipc")

T = TypeVar("T")


class Tree(WiredTree):
    """State and primitive operations."""

    def release(self) -> None:
        """After everything was stopped: the run directory goes; returns nothing, and never blocks."""
        self.closed = True
        if self.run_dir:
            shutil.rmtree(self.run_dir, ignore_errors=True)
            self.run_dir = ""

    def abandon(self) -> None:
        """The event loop that the tree lived on has ended, and nobody had closed the tree: let go of all without it."""
        self.closing = True
        if self.home is not None:
            self.home.thread = None
        for host in list(self.hosts.values()):
            if host.spawned is not None and not host.gone:
                host.gone = True
                SPAWNERS[host.kind].abandon(host.spawned)
        for wire in list(self.local.agent.dialled.values()):
            wire.close()
            wire.carrier.close()
        if self.home is not None:
            self.home.close_wires()
        self.release()

    def release_control(self) -> None:
        """Give the default host back. Blocks; never on its own thread."""
        with self.release_lock:
            control, self.control = self.control, self.home
        if control is not None and control is not self.home:
            release_default()

    async def operate(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await an operation that somebody waits for; the end of the tree waits for its end.

        What it came upon while all was stopped becomes what closed the tree.
        """
        self.operations += 1
        self.idle.clear()
        try:
            return await coroutine
        except IpcError:
            raise
        except Exception:
            self.refuse_closed()
            raise
        finally:
            self.operations -= 1
            if not self.operations:
                self.idle.set()

    async def unless_closed(self, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Await what a service does, at most so long. Raises `StartTimeout`, and `Closed` when the tree ends."""
        if not on_running_loop():
            return await coroutine
        task, ending = asyncio.ensure_future(coroutine), asyncio.ensure_future(self.ending.wait())
        try:
            await asyncio.wait({task, ending}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            task.cancel()
            ending.cancel()
        if self.closing:
            raise Closed("the tree was closed meanwhile")
        raise StartTimeout(f"a service did not start within {timeout_s:g} s")

    def refuse_closed(self) -> None:
        """Raise what closed the tree, if something did."""
        if self.failed is not None:
            raise self.failed
        if self.closing or self.closed:
            raise Closed("the tree is closed")
