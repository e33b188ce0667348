"""Asks one after another, and the next already while the last one is late.

Dean and Barroso, *The Tail at Scale* (2013), hedged requests. Those that are late go on: whichever answers first
counts, and the others are given up then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, Generic, NamedTuple, TypeVar

from ...errors import MdhtError

T = TypeVar("T")

_STEP_S: Final = 0.01
"""Seconds between two looks at least."""


class Attempt(NamedTuple, Generic[T]):
    """Somebody who can be asked."""

    begin: Callable[[], Coroutine[Any, Any, T]]
    """Raises MdhtError where it has nothing to give."""
    left_s: Callable[[], float]
    """Seconds until it counts as late, as things are now; 0 or less: it does."""


async def hedged(attempts: Iterator[Attempt[T]]) -> T:
    """What the first attempt that succeeds gives.

    Raises the MdhtError of the last attempt where none did; anything else that one raises, at once.
    """
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[T]] = set()
    last: MdhtError | None = None
    attempt = next(attempts)
    following = next(attempts, None)
    try:
        while True:
            newest = loop.create_task(attempt.begin())
            running.add(newest)
            while running:
                left_s = attempt.left_s() if following is not None else None
                if left_s is not None and left_s <= 0:
                    break
                timeout_s = None if left_s is None else max(left_s, _STEP_S)
                done, _ = await asyncio.wait(running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                running -= done
                for task in done:
                    try:
                        return task.result()
                    except MdhtError as error:
                        if last is None or task is newest:
                            last = error
                if following is not None and newest in done:
                    break
            if following is None:
                assert last is not None, "all have failed"
                raise last
            attempt, following = following, next(attempts, None)
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.gather(*running, return_exceptions=True)
