"""One share or fetch that runs: its task, how far it is, and when it was last any further."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from ...errors import Cancelled, TimedOut
from ...limits import FILE_DISK_S
from .commands import FileProgress
from .desk import Disk

T = TypeVar("T")


class Checked(Protocol):
    """What has something to look at about every second."""

    def check(self, now_s: float) -> None:
        """Now."""


class FileOperation:
    """See the module. `what` names it in errors; `timeout_s` is without any progress."""

    def __init__(self, ticket: bytes, what: str, timeout_s: float, now_s: Callable[[], float]) -> None:
        self.ticket = ticket
        self.done_bytes = self.total_bytes = self.files_done = self.files_total = 0
        self.streams: Checked | None = None
        self.task: asyncio.Task[Any] | None = None
        self._what = what
        self.timeout_s = timeout_s
        self._now_s = now_s
        self._moved_s = now_s()
        self._why: Exception | None = None
        self._running = False
        self._at_disk = 0

    async def on_disk(self, disk: Disk, step: Callable[..., T], *arguments: Any) -> T:
        """What `step` returns, run by `disk`, which may take longer than peers may."""
        self._at_disk += 1
        try:
            return await disk.run(step, *arguments)
        finally:
            self._at_disk -= 1
            self.moved()

    def moved(self) -> None:
        """It got further."""
        self._moved_s = self._now_s()

    @property
    def progress(self) -> FileProgress:
        """As it is told to the user."""
        return FileProgress(self.done_bytes, self.total_bytes, self.files_done, self.files_total)

    async def run(self, begin: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """The result of the work. Raises its error: one, however many parts of it failed; or why it was ended."""
        if self._why is not None:
            raise self._why
        self._running = True
        try:
            return await begin()
        except asyncio.CancelledError:
            if self._why is None:
                raise
            raise self._why from None
        except BaseExceptionGroup as group:
            if self._why is not None:
                raise self._why from None
            raise _first(group) from None

    def check(self, now_s: float) -> None:
        """About every second: is it stuck?"""
        if self.streams is not None:
            self.streams.check(now_s)
        patience_s = max(self.timeout_s, FILE_DISK_S) if self._at_disk else self.timeout_s
        if now_s > self._moved_s + patience_s:
            self.end(TimedOut(f"{self._what}: the next part of it", patience_s))

    def cancel(self) -> None:
        """Its user wants it no more."""
        self.end(Cancelled(self._what))

    def end(self, error: Exception) -> None:
        """Give it up, with that error."""
        if self._why is None:
            self._why = error
            if self.task is not None and self._running:
                self.task.cancel()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    for one in group.exceptions:
        return _first(one) if isinstance(one, BaseExceptionGroup) else one
    raise AssertionError("a group is never empty")
