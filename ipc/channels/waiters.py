"""What waits for the answers of one run of commands: a thread, a future, a coroutine, a service, or nobody.

A run is a list of commands sent together; its waiter is filled in pieces, in any order, by whichever thread brings the
replies, but never by two at a time: a run is served by one shard.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future, InvalidStateError
from typing import TYPE_CHECKING, Any

from .reply_future import ReplyFuture

if TYPE_CHECKING:
    from ..cell import Cell
    from .sender import Sender


class Failure:
    """An error in the place of a reply."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


_MISSING: Any = object()

_LONGEST_S = 1e8
"""Three years: an event loop's clock, in milliseconds, has to hold a deadline."""


class Waiter:
    """Collects `count` replies. `sender` and `left` say where the run went, for when that place dies.

    `counted` is the wire that is read for it while no thread does. Where a service was divided anew, a run may be
    `shared` by several shards; then `more` are all the wires on which a part of the answer may come.
    """

    # on the class, because one is made for each call, and most runs never change most of these
    count: int = 1
    remaining: int = 1
    results: Any = ()
    done: bool = False
    left: bool = False
    run: int = 0
    sender: Sender | None = None
    counted: Any = None
    shared: bool = False
    more: tuple[Any, ...] = ()

    def __init__(self, count: int = 1) -> None:
        if count != 1:
            self.count = self.remaining = count

    def fill(self, offset: int, values: list[Any]) -> bool:
        """Take the replies to the commands from `offset` on; True when the run is complete."""
        size = len(values)
        if size == self.count:
            self.results = values
            self.remaining = 0
        else:
            if not self.results:
                self.results = [_MISSING] * self.count
            self.results[offset : offset + size] = values
            self.remaining -= size
        if self.remaining <= 0 and not self.done:
            self.done = True
            self.finish()
            return True
        return self.done

    def fail_all(self, error: BaseException) -> None:
        """End the run: every command that was not answered yet gets this error."""
        if self.done:
            return
        failure = Failure(error)
        known = self.results or [_MISSING] * self.count
        self.results = [failure if result is _MISSING else result for result in known]
        self.remaining = 0
        self.done = True
        self.finish()

    def finish(self) -> None:
        """Called once, in the thread that brought the last reply."""

    def value(self) -> Any:
        """The only reply of a run of one, or raises its error."""
        result = self.results[0]
        if type(result) is not Failure:
            return result
        try:
            raise result.error
        finally:
            del result  # the error has this frame in its traceback: no cycle is left behind
            self.results = ()


class ThreadWaiter(Waiter):
    """A thread waits, on a lock of its own."""

    def __init__(self, count: int = 1) -> None:
        if count != 1:
            self.count = self.remaining = count
        self.lock = threading.Lock()
        self.lock.acquire()

    def finish(self) -> None:
        self.wake()

    def wake(self) -> None:
        """Let `park` return; more often than needed does no harm."""
        try:
            self.lock.release()
        except RuntimeError:
            return  # somebody else has just woken it

    def park(self, deadline_s: float) -> bool:
        """Wait until woken; False when the deadline (monotonic seconds) passed first."""
        return self.lock.acquire(timeout=max(0.0, min(deadline_s - time.monotonic(), threading.TIMEOUT_MAX)))


class FutureWaiter(Waiter):
    """A `concurrent.futures.Future` waits."""

    def __init__(self) -> None:
        self.future: Future[Any] = ReplyFuture()

    def finish(self) -> None:
        result = self.results[0]
        try:
            if type(result) is Failure:
                self.future.set_exception(result.error)
            else:
                self.future.set_result(result)
        except InvalidStateError:
            return  # cancelled meanwhile: nobody waits


class AsyncWaiter(Waiter):
    """A coroutine waits, on the loop it runs on. Its future is made only where it really has to wait.

    Who finishes it sets `done`, then looks for a future; who waits makes the future, then looks at `done`.
    """

    future: asyncio.Future[None] | None = None
    loop: asyncio.AbstractEventLoop
    thread: int

    def finish(self) -> None:
        if self.future is None:
            return
        if threading.get_ident() == self.thread:
            self._set()
            return
        try:
            self.loop.call_soon_threadsafe(self._set)
        except RuntimeError:
            return  # that loop is closed: nobody waits

    def _set(self) -> None:
        if self.future is not None and not self.future.done():
            self.future.set_result(None)

    async def wait(self, timeout_s: float) -> None:
        """Await the last reply, at most so long; `done` says whether it came."""
        self.thread = threading.get_ident()
        self.loop = loop = asyncio.get_running_loop()
        self.future = future = loop.create_future()
        if self.done:
            return
        timer = loop.call_later(min(timeout_s, _LONGEST_S), self._set)
        try:
            await future
        finally:
            timer.cancel()


class RequestWaiter(Waiter):
    """A service waits without waiting: the answer comes to it as a command. Part of its state; moves along."""

    def __init__(self, cell: Cell, tag: Any) -> None:
        self.cell = cell
        self.tag = tag

    def finish(self) -> None:
        result = self.results[0]
        if type(result) is Failure:
            self.cell.answer(self.tag, None, result.error)
        else:
            self.cell.answer(self.tag, result, None)
