"""What shares and fetches have in common: asking other services, the disk's thread, a window of bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from ipc import Answer, Service, sendable
from ipc.loops.virtual import VirtualLoop

T = TypeVar("T")


@sendable("mdht.file_settings")
@dataclass(frozen=True, slots=True)
class FileSettings:
    """Of the configuration, what files need. `serves`: whether others can reach this node's store."""

    own_id: bytes
    network: str
    replicas: int
    min_replicas: int
    served_streams: int
    serves: bool
    shares_file: str = ""
    """Where shares are remembered; empty: in memory only."""


class Desk:
    """Asks other services for those who can await. For the host of its service."""

    def __init__(self, service: Service, next_tag: Callable[[], int]) -> None:
        """`next_tag` gives numbers that the service has not used before, wherever it was."""
        self.next_tag = next_tag
        self._service = service
        self._asked: dict[int, asyncio.Future[Any]] = {}

    @property
    def now_s(self) -> float:
        """The clock of the loop."""
        return self._service.loop.time()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The service's."""
        return self._service.loop

    def ask(self, outlet: str, command: Any) -> asyncio.Future[Any]:
        """The answer to come. Raises IpcError at once where it cannot be asked."""
        number = self.next_tag()
        future: asyncio.Future[Any] = self._service.loop.create_future()
        self._asked[number] = future
        try:
            self._service.outlets[outlet].request(command, number)
        except BaseException:
            del self._asked[number]
            raise
        return future

    def cast(self, outlet: str, command: Any) -> None:
        """Say it. Raises IpcError."""
        self._service.outlets[outlet].cast(command)

    def answered(self, answer: Answer) -> None:
        """An answer came."""
        future = self._asked.pop(answer.tag, None)
        if future is None or future.done():
            return  # asked at another place, or nobody waits any more
        if answer.error is not None:
            future.set_exception(answer.error)
        else:
            future.set_result(answer.value)


class Disk:
    """Runs what blocks for a disk, one after another, on one thread that exists while somebody holds it.

    On a loop of virtual time, which has no threads, it runs in place.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._in_place = isinstance(loop, VirtualLoop)
        self._holders = 0
        self._executor: ThreadPoolExecutor | None = None

    def hold(self) -> None:
        """It will be used, until `release`."""
        self._holders += 1

    def release(self) -> None:
        """One less uses it."""
        self._holders -= 1
        if not self._holders and self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    async def run(self, step: Callable[..., T], *arguments: Any) -> T:
        """What `step` returns. Whoever is cancelled meanwhile does not stop it: what is run next comes after it."""
        if self._in_place:
            await asyncio.sleep(0)
            return step(*arguments)
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="mdht-files")
        return await self._loop.run_in_executor(self._executor, step, *arguments)


class Window:
    """How many bytes may be on their way at a time. First come, first served."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def used_bytes(self) -> int:
        """On their way."""
        return self._used_bytes

    async def take(self, size_bytes: int) -> None:
        """Wait until there is room for them; one that is larger than the window has it alone."""
        if not self._waiting and self._fits(size_bytes):
            self._used_bytes += size_bytes
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size_bytes, future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.give(size_bytes)  # it came at the same moment
            raise

    def give(self, size_bytes: int) -> None:
        """They have arrived."""
        self._used_bytes -= size_bytes
        while self._waiting and (self._waiting[0][1].done() or self._fits(self._waiting[0][0])):
            size_bytes, future = self._waiting.popleft()
            if not future.done():
                self._used_bytes += size_bytes
                future.set_result(None)

    def _fits(self, size_bytes: int) -> bool:
        return not self._used_bytes or self._used_bytes + size_bytes <= self._limit_bytes
