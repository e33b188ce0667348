"""One share or fetch that runs: its task, how far it is, and when it was last any further."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from ..errors import Cancelled, TimedOut
from .file_commands import FileProgress


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
        self._timeout_s = timeout_s
        self._now_s = now_s
        self._moved_s = now_s()
        self._why: Exception | None = None

    def moved(self) -> None:
        """It got further."""
        self._moved_s = self._now_s()

    @property
    def progress(self) -> FileProgress:
        """As it is told to the user."""
        return FileProgress(self.done_bytes, self.total_bytes, self.files_done, self.files_total)

    async def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of the work. Raises its error: one, however many parts of it failed; or why it was ended."""
        try:
            return await work
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
        if now_s > self._moved_s + self._timeout_s:
            self.end(TimedOut(f"{self._what}: the next part of it", self._timeout_s))

    def cancel(self) -> None:
        """Its user wants it no more."""
        self.end(Cancelled(self._what))

    def end(self, error: Exception) -> None:
        """Give it up, with that error."""
        if self._why is None and self.task is not None:
            self._why = error
            self.task.cancel()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    for one in group.exceptions:
        return _first(one) if isinstance(one, BaseExceptionGroup) else one
    raise AssertionError("a group is never empty")
