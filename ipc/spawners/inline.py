"""The `inline` spawner where no event loop runs: services are served in their sender's own call.

One re-entrant lock for the whole tree. Whoever queues a command tries to take it and serves everything that is ready;
who does not get it leaves, because the holder looks again after it let go (flat combining, Hendler et al., SPAA 2010).
Where the tree has an event loop, its `Host` does the same on its own thread and needs no lock.
"""

from __future__ import annotations

import threading
import time
from asyncio import _get_running_loop
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..cell import DIRECT, Cell, run_now
from ..channels.waiters import ThreadWaiter
from ..errors import CallTimeout, IpcError, Reentrant, ServiceDied
from ..limits import INLINE_DEPTH, LOOP_CALLS
from ..remote_errors import localise
from ..threads import refuse_to_block

if TYPE_CHECKING:
    import asyncio

    from ..channels.receiver import LocalReceiver
    from ..channels.sender import Sender


class InlineHost:
    """The home of a tree's inline services: a lock, and a list of cells that have something to do."""

    def __init__(self, reader: Callable[[], Any]) -> None:
        self.name = "inline"
        self.virtual = self.blocks = False
        self.clock: Callable[[], float] = time.monotonic
        self.lock = threading.RLock()
        self.ready: deque[Cell] = deque()
        self.dirty = ()
        self.depth = 0
        self.thread: int | None = None
        self.bad_frames = 0
        self._reader = reader

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Inline services have no event loop here. Raises `IpcError`."""
        raise IpcError("an inline service has no event loop of its own: place it in a coroutine, a thread or a process")

    @property
    def reader(self) -> Any:
        """The event loop's host that reads what comes for inline services from elsewhere."""
        return self._reader()

    def is_current(self) -> bool:
        """Whether the caller is inside an inline service of this tree."""
        return self.thread == threading.get_ident()

    def enter(self) -> None:
        """This thread, which holds the lock, is about to run a service; `thread` says so until the last `leave`."""
        self.depth += 1
        self.thread = threading.get_ident()

    def leave(self) -> None:
        """After `enter`."""
        self.depth -= 1
        if not self.depth:
            self.thread = None

    def lag_s(self) -> float:
        """There is no loop that could stand still: a service here is at work in its caller, or not."""
        return 0.0

    def turn_soon(self) -> None:
        """Who holds the lock looks at `ready` when it lets go."""

    def schedule(self, cell: Cell) -> None:
        """Serve this cell: now and here, or by whoever holds the lock, or when the outermost call returns."""
        if self.lock.acquire(blocking=False):
            try:
                if self.depth and cell.nests and not cell.busy and self.depth < INLINE_DEPTH:
                    self._run(cell)
                    return
                self.ready.append(cell)
            finally:
                self.lock.release()
        else:
            self.ready.append(cell)
        self.drain()

    def drain(self) -> None:
        """Serve everything that is ready, unless somebody else, or an outer call, will."""
        while self.ready and self.lock.acquire(blocking=False):
            try:
                if self.depth:
                    return
                for _ in range(LOOP_CALLS):
                    if not self.ready:
                        break
                    self._run(self.ready.popleft())
            finally:
                self.lock.release()

    def _run(self, cell: Cell) -> None:
        self.enter()
        try:
            more = cell.run()
        finally:
            self.leave()
        if more:
            self.ready.append(cell)

    async def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine of a cell's life; it has nothing to wait for. Blocks while a command is served."""
        try:
            with self.lock:
                self.enter()
                try:
                    return run_now(coroutine)
                finally:
                    self.leave()
        finally:
            self.drain()  # what became ready inside was left for now

    def soon(self, function: Callable[[], Any]) -> None:
        """Run a function on the host that reads for this tree."""
        self._reader().soon(function)


def _thread_waits(_: Any) -> ThreadWaiter:
    return ThreadWaiter()


def direct_cast(home: InlineHost, cell: Cell, sender: Sender) -> Callable[[Any], bool]:
    """The same for `cast`; False where the command has to be queued."""
    lock, call, clock, times = home.lock, cell.service.call, cell.host.clock, cell.times
    acquire, release, enter, leave = lock.acquire, lock.release, home.enter, home.leave

    def serve(command: Any) -> bool:
        if not acquire(False):
            return False
        try:
            if cell.busy or cell.inbox or cell.paused or sender.cell is not cell or home.depth >= INLINE_DEPTH:
                return False
            cell.busy = True
            cell.rx = None
            cell.run_id = 0
            enter()
            start = clock()
            try:
                call(command)
            except Exception as error:
                cell.note_error(error, error)
                if type(cell.service).restart_on_error:
                    cell.end(error)
            except BaseException as error:
                cell.end(error)
                if isinstance(error, KeyboardInterrupt):
                    raise
            finally:
                cell.calls += 1
                took = clock() - start
                times.append(took)
                cell.busy_s += took
                cell.busy = False
                cell.taken = False
                leave()
                if cell.inbox:
                    cell.wake()
        finally:
            release()
            if home.ready:  # whoever found the lock taken relies on its holder to look again, however it leaves
                home.drain()
        return True

    return serve


def direct_call(home: InlineHost, cell: Cell, sender: Sender, receiver: LocalReceiver) -> Callable[[Any, float], Any]:
    """The function that a client's `call` becomes for `inline+none`: a call of the service, and its numbers, no
    more.
    """
    lock, call, clock, times = home.lock, cell.service.call, cell.host.clock, cell.times
    acquire, release, enter, leave = lock.acquire, lock.release, home.enter, home.leave

    def serve(command: Any, timeout_s: float) -> Any:
        if _get_running_loop() is not None:
            refuse_to_block("call")
        if not acquire(False) and not acquire(timeout=timeout_s):
            raise CallTimeout(cell.name, timeout_s)
        waiter = None
        try:
            if cell.busy:
                raise Reentrant(f"service {cell.name!r} is on the stack: a waiting call to it would wait for itself")
            if cell.inbox or cell.paused or sender.cell is not cell or home.depth >= INLINE_DEPTH:
                return sender
            cell.busy = True
            enter()
            cell.rx = receiver
            cell.run_id = DIRECT
            cell.opens = _thread_waits
            start = clock()
            try:
                value = call(command)
            except Exception as error:
                cell.errors += 1
                if type(cell.service).restart_on_error:
                    cell.end(error)
                localise(error)
                raise
            except KeyboardInterrupt as error:
                cell.end(error)
                raise
            except BaseException as error:
                cell.end(error)
                raise ServiceDied(cell.name, f"it was ended by {type(error).__name__}: {error}") from error
            finally:
                cell.calls += 1
                took = clock() - start
                times.append(took)
                cell.busy_s += took
                cell.busy = False
                cell.run_id = 0
                leave()
                if cell.taken:
                    cell.taken = False
                    waiter, cell.direct_waiter = cell.direct_waiter, None
                if cell.inbox:
                    cell.wake()
        finally:
            release()
            if home.ready:  # whoever found the lock taken relies on its holder to look again, however it leaves
                home.drain()
        return value if waiter is None else waiter

    return serve
