"""The asynchronous generators that began on a loop, in the order they began, so that their closing is repeatable.

The interpreter tells a loop when one begins and when an unfinished one is dropped (PEP 525); the loop has to close both
those dropped and, at its end, those still held.
"""

from __future__ import annotations

import asyncio
import warnings
import weakref
from collections.abc import AsyncGenerator, Callable
from typing import Any

_Generator = AsyncGenerator[Any, Any]


class Generators:
    """The generators of one loop. `soon(callback, generator)` schedules on it, in any thread, without a check."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, soon: Callable[[Callable[[_Generator], None], _Generator], object]
    ):
        self._loop = loop
        self._soon = soon
        self._open: weakref.WeakKeyDictionary[_Generator, None] = weakref.WeakKeyDictionary()
        self._shut = False

    def begins(self, generator: _Generator) -> None:
        """The hook `firstiter`. Warns with ResourceWarning after `shutdown`."""
        if self._shut:
            text = f"asynchronous generator {generator!r} began after shutdown_asyncgens; nothing will close it"
            warnings.warn(text, ResourceWarning, stacklevel=2, source=self._loop)
        self._open[generator] = None

    def dropped(self, generator: _Generator) -> None:
        """The hook `finalizer`. The collector calls it, in any thread, where an exception could only be printed."""
        self._open.pop(generator, None)
        if not self._loop.is_closed():
            self._soon(self._close, generator)

    async def shutdown(self) -> None:
        """Close all that are open, in the order they began, and wait for it. Their exceptions go to the handler."""
        self._shut = True
        generators = list(self._open)
        self._open.clear()
        outcomes = await asyncio.gather(*(each.aclose() for each in generators), return_exceptions=True)
        for generator, outcome in zip(generators, outcomes, strict=True):
            if isinstance(outcome, Exception):
                message = f"closing the asynchronous generator {generator!r} failed"
                self._loop.call_exception_handler({"message": message, "exception": outcome, "asyncgen": generator})

    def _close(self, generator: _Generator) -> None:
        self._loop.create_task(generator.aclose())
