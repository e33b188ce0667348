"""A host: one thread with one event loop, on which services, their sockets and their timers live.

The loop's readers put commands into cells; `turn` runs the cells that are ready, then sends everything that they had to
say, one frame a wire. While a host is awake nobody pays for waking it: `awake` is cleared before `ready` is looked at
again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from .errors import Closed
from .limits import INLINE_DEPTH
from .loops import is_virtual

if TYPE_CHECKING:
    from .cell import Cell

log = logging.getLogger("ipc")


class Host:
    """A host on a loop that runs, or will run, on some thread. `schedule` and `soon` are thread-safe."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self.loop = loop
        self.virtual = is_virtual(loop)
        self.clock: Callable[[], float] = loop.time if self.virtual else time.monotonic
        self.thread: int | None = None
        self.ready: deque[Cell] = deque()
        self.dirty: list[Any] = []
        self.wires: set[Any] = set()
        self.attachments: dict[str, Any] = {}
        self.awake = False
        self.depth = 0
        self.closed = False
        self.blocks = False
        self.bad_frames = 0
        self._asked_s: float | None = None

    def adopt_thread(self) -> None:
        """This thread is the one that runs the loop."""
        self.thread = threading.get_ident()

    def is_current(self) -> bool:
        """Whether the caller is on this host's thread."""
        return threading.get_ident() == self.thread

    # -- driving cells -------------------------------------------------------------------------------------------------

    def schedule(self, cell: Cell) -> None:
        """Run this cell soon; or now, where it is served inside its sender's call and the caller is on this thread."""
        if cell.nests and not cell.busy and self.depth < INLINE_DEPTH and self.is_current():
            self._run_nested(cell)
            return
        self.ready.append(cell)
        if not self.awake:
            self.awake = True
            self._call(self.turn)

    def _run_nested(self, cell: Cell) -> None:
        self.depth += 1
        try:
            more = cell.run()
        finally:
            self.depth -= 1
        if more:
            self.ready.append(cell)
        if self.ready or self.dirty:
            self.turn_soon()

    def turn_soon(self) -> None:
        """Something is ready, or to be sent, when the outermost call has returned. On this thread only."""
        if not self.awake:
            self.awake = True
            self._call(self.turn)

    def turn(self) -> None:
        """Run what is ready and send what it said."""
        if self.depth or self.closed:
            return
        self.awake = True
        self.depth = 1
        ready = self.ready
        try:
            for _ in range(len(ready)):
                cell = ready.popleft()
                if cell.run():
                    ready.append(cell)
        finally:
            self.depth = 0
            dirty, self.dirty = self.dirty, []
            for wire in dirty:
                wire.flush()
            if not ready:
                self.awake = False
            if ready or self.dirty:
                self.awake = True
                self.loop.call_soon(self.turn)

    def to_flush(self, wire: Any) -> None:
        """This wire has something to say when the turn ends. Thread-safe."""
        if not self.is_current():
            self.soon(wire.flush)
            return
        self.dirty.append(wire)
        if not self.awake and not self.depth:
            self.awake = True
            self.loop.call_soon(self.turn)

    def _call(self, function: Callable[[], Any]) -> None:
        if self.is_current():
            self.loop.call_soon(function)
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed: its cells are gone, too
            self.loop.call_soon_threadsafe(function)

    def lag_s(self) -> float:
        """For how long, in seconds, the loop has not turned, as far as is known from asking before. Thread-safe."""
        if (asked_s := self._asked_s) is None:
            self._asked_s = self.clock()
            self.soon(self._turned)
            return 0.0
        return self.clock() - asked_s

    def _turned(self) -> None:
        self._asked_s = None

    def soon(self, function: Callable[[], Any]) -> None:
        """Run a function on this thread, soon; never inside the caller. Dropped where the host has ended."""
        self._call(function)

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run a coroutine on this host from another thread. Raises `Closed` where the host has ended."""
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        except RuntimeError:
            coroutine.close()
            raise Closed(f"host {self.name!r} has ended") from None

    async def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on this host and await it here, on whichever loop."""
        if self.is_current():
            return await coroutine
        return await asyncio.wrap_future(self.submit(coroutine))

    # -- descriptors ---------------------------------------------------------------------------------------------------

    def add_reader(self, fd: int, callback: Callable[[], Any]) -> None:
        """Call back whenever the descriptor is readable. On this thread only."""
        self.loop.add_reader(fd, callback)

    def remove_reader(self, fd: int) -> None:
        """No error where there was none."""
        if fd >= 0 and not self.virtual and not self.loop.is_closed():
            self.loop.remove_reader(fd)

    def add_writer(self, fd: int, callback: Callable[[], Any]) -> None:
        """Call back whenever the descriptor is writable. On this thread only."""
        self.loop.add_writer(fd, callback)

    def remove_writer(self, fd: int) -> None:
        """No error where there was none."""
        if fd >= 0 and not self.virtual and not self.loop.is_closed():
            self.loop.remove_writer(fd)

    def drop_wire(self, wire: Any) -> None:
        """The wire is closed."""
        self.wires.discard(wire)

    def close_wires(self) -> None:
        """Close every wire that ends here. On this thread only."""
        for wire in list(self.wires):
            wire.close()
        self.wires.clear()
