"""Tasks that a set always lists in the same order.

asyncio keeps tasks in sets (`all_tasks`, the children that a failing `TaskGroup` cancels, the results of `wait`), and
a set lists its members by hash, which for a task is its address: another one in every run. A hash that counts the
tasks of the loop makes those orders repeatable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

_T = TypeVar("_T")


class OrderedTask(asyncio.Task[_T]):
    """A task whose hash is `serial`, its number on its loop. Equality stays identity."""

    def __init__(self, serial: int, coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T], **options: Any) -> None:
        self.serial = serial  # first: asyncio puts the task into a set while it is made
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.serial
