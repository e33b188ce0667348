"""One connection to a node's door on an event loop: any number of coroutines ask over it at once."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from ..control import Call, pack_request, read_reply
from ..control.limits import CLIENT_REQUESTS
from ..control.wire import NO_REQUEST, read_failure, read_result, take_frame
from ..data_dir import SOCKET_FILE, reason_of, socket_address
from ..errors import DoorClosed, MdhtError, NodeGone, NoNode, TimedOut
from .connection import CONNECT_S
from .results import rebuilt


class AsyncConnection(asyncio.Protocol):
    """To be made by `open`, and used on that loop."""

    def __init__(self, data_dir: str) -> None:
        self.data_dir = data_dir
        self._kept = bytearray()
        self._waiting: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self._last = 0
        self._room = asyncio.Semaphore(CLIENT_REQUESTS)
        self._transport: Any = None
        self._error: Exception | None = None
        self._over = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, data_dir: str) -> AsyncConnection:
        """Connect. Raises NoNode, DoorClosed, DataDirUnusable."""
        loop = asyncio.get_running_loop()
        try:
            with socket_address(os.path.join(data_dir, SOCKET_FILE)) as address:
                async with asyncio.timeout(CONNECT_S):
                    _, one = await loop.create_unix_connection(lambda: cls(data_dir), address)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            raise NoNode(data_dir) from None
        except (BlockingIOError, TimeoutError):
            raise DoorClosed("more programs want to ask it than it can take; try again") from None
        except OSError as error:
            raise DoorClosed(f"{data_dir}: {reason_of(error)}") from None
        return one

    @property
    def usable(self) -> bool:
        """Whether it can be asked."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, call: Call, wait_s: float) -> Any:
        """The answer as plain values. Raises the node's error, NodeGone, TimedOut, TooLarge, BadMessage."""
        if self._room.locked():
            return await self._ask_later(call, wait_s)
        async with self._room:
            return await self._ask(call, wait_s)

    async def _ask_later(self, call: Call, wait_s: float) -> Any:
        """As many wait as the node reads from one client: what is more waits here, where it takes no memory there."""
        began_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(wait_s):
                await self._room.acquire()
        except TimeoutError:
            raise TimedOut("a turn at the node", wait_s) from None
        try:
            return await self._ask(call, wait_s - (asyncio.get_running_loop().time() - began_s))
        finally:
            self._room.release()

    async def _ask(self, call: Call, wait_s: float) -> Any:
        number = self.send(call)
        try:
            if not await self.wait(number, wait_s):
                raise TimedOut(self._waiting[number][0], wait_s)
            return self.result(number)
        finally:
            self.forget(number)

    def send(self, call: Call) -> int:
        """Send a request; its number. Raises TooLarge and NodeGone."""
        method = type(call).__name__.removesuffix("Call").lower()
        if not self.usable:
            raise self._error or NodeGone(self.data_dir, method)
        frame = pack_request(self._last + 1, call)
        self._last += 1
        self._waiting[self._last] = method, asyncio.get_running_loop().create_future()
        self._transport.write(frame)
        return self._last

    async def wait(self, number: int, wait_s: float) -> bool:
        """Whether the answer has come within so many seconds."""
        _, future = self._waiting[number]
        await asyncio.wait([future], timeout=wait_s)
        return future.done()

    def result(self, number: int) -> Any:
        """An answer that has come. Raises the node's error, and NodeGone."""
        return self._waiting.pop(number)[1].result()

    def forget(self, number: int) -> None:
        """Nobody waits for that answer any more."""
        if entry := self._waiting.pop(number, None):
            entry[1].cancel()

    async def close(self) -> None:
        """End it. Idempotent."""
        if self._transport is not None:
            self._transport.close()
            await self._over

    # -- what the loop tells -------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._kept += data
            while (body := take_frame(self._kept)) is not None:
                self._take(body)
        except MdhtError as error:
            self._error = error
            self._transport.abort()

    def _take(self, body: bytes) -> None:
        reply = read_reply(body)
        if reply.number == NO_REQUEST:
            error = rebuilt(read_failure(reply), self.data_dir, "")
            self._error = error
            self._transport.close()
            return
        method, future = self._waiting.get(reply.number, ("", None))
        if future is None or future.done():
            return  # it came too late
        if reply.failed:
            future.set_exception(rebuilt(read_failure(reply), self.data_dir, method))
            future.exception()  # it is read by who waits; where nobody does any more, it was not lost unseen
        else:
            future.set_result(read_result(reply))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for method, future in self._waiting.values():
            if not future.done():
                future.set_exception(self._error or NodeGone(self.data_dir, method))
                future.exception()
        if not self._over.done():
            self._over.set_result(None)
