"""What every client can do: send commands to one service, wherever it is, and wait for the replies or not."""

from __future__ import annotations

import time
from asyncio import _get_running_loop
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from .cell.nested import QUEUE
from .channels.bounds import local_size
from .channels.crossing import crossed_error
from .channels.port import Port
from .channels.sender import Sender
from .channels.waiters import AsyncWaiter, Failure, FutureWaiter, ThreadWaiter, Waiter
from .limits import CALL_TIMEOUT_S
from .remote_errors import localise
from .threads import refuse_to_block

_CHUNK = 4096
"""Commands of a `call_many` that are packed at once."""

_CHUNK_BYTES = 1 << 20
"""Bytes of a `call_many` that are packed at once, about."""


class Commands:
    """The commands of a client, through its port. Thread-safe. Order is kept among the commands of one client.

    `call` and `call_many` block; each has an `a…` twin to await, and raises `WouldDeadlock` on a thread whose event
    loop must run. `cast` and `future` do not block while there is room.
    """

    def __init__(self, name: str, port: Port, clock: Callable[[], float]) -> None:
        self.name = name
        self._port = port
        self._clock = clock

    def call(self, command: Any, timeout: float = CALL_TIMEOUT_S) -> Any:
        """Send a command and wait for its reply, at most `timeout` seconds.

        Raises what the service raised, `CallTimeout`, `ServiceDied`, `Full`, `NotSendable`, `Closed`, `WouldDeadlock`,
        or `Reentrant` where it would wait for itself.
        """
        port = self._port
        if (direct := port.direct) is not None:
            result = direct(command, timeout)
            if result.__class__ is ThreadWaiter:
                port.wait(result, time.monotonic() + timeout, timeout)
                return result.value()
            if result.__class__ is not Sender:
                return result
        if _get_running_loop() is not None:
            refuse_to_block("call")
        sender = port.sender_for(command)
        waiter = ThreadWaiter()
        deadline = time.monotonic() + timeout
        port.send(sender, [command], waiter, timeout, deadline)
        port.wait(waiter, deadline, timeout)
        return waiter.value()

    def cast(self, command: Any, timeout: float = CALL_TIMEOUT_S) -> None:
        """Send a command that wants no reply; waits at most `timeout` seconds where the channel is full.

        Errors of the service are counted and logged there. Raises `Full`, `NotSendable`, `Closed`.
        """
        port = self._port
        direct = port.direct_cast
        if direct is not None:
            if direct(command):
                return
        elif (here := port.here) is not None and here.cell.serve_now(here, command, timeout, None) is not QUEUE:
            return
        senders = self._port.senders
        if len(senders) == 1:
            senders[0].cast(command, timeout)
        else:
            self._port.sender_for(command).cast(command, timeout)

    def call_many(
        self, commands: Sequence[Any], timeout: float = CALL_TIMEOUT_S, *, return_errors: bool = False
    ) -> list[Any]:
        """Send commands in one batch and wait for all replies, in order; `timeout` seconds are for all together.

        The first error of the service is raised when all have been served; with `return_errors` errors stand in the
        place of their replies. Blocks. Raises `CallTimeout` where one is missing at the end, `NotSendable`, `Full` or
        `Closed` where a part could not be sent (what was sent before is served all the same), `WouldDeadlock`; a
        service that dies puts `ServiceDied` in the place of what it had.
        """
        refuse_to_block("call_many")
        deadline = time.monotonic() + timeout
        waiting: list[tuple[list[int] | None, ThreadWaiter]] = []
        for positions, sender, part in self._parts(commands):
            waiter = ThreadWaiter(len(part))
            self._port.send(sender, part, waiter, max(0.0, deadline - time.monotonic()), deadline)
            waiting.append((positions, waiter))
        for _, waiter in waiting:
            self._port.wait(waiter, deadline, timeout)
        return gather(waiting, len(commands), return_errors)

    async def acall(self, command: Any, timeout: float = CALL_TIMEOUT_S) -> Any:
        """`call`, awaited."""
        port = self._port
        if (here := port.here) is not None and timeout >= 0:
            try:
                result = here.cell.serve_now(here, command, timeout, _async_waits)
            except Exception as error:
                localise(error)
                raise
            if result is not QUEUE:
                if result.__class__ is not AsyncWaiter:
                    return result
                if not result.done:
                    await port.wait_async(result, timeout)
                return result.value()
        waiter = AsyncWaiter()
        port.send(port.sender_for(command), [command], waiter, timeout, self._clock() + timeout)
        await port.wait_async(waiter, timeout)
        return waiter.value()

    async def acall_many(
        self, commands: Sequence[Any], timeout: float = CALL_TIMEOUT_S, *, return_errors: bool = False
    ) -> list[Any]:
        """`call_many`, awaited."""
        deadline = self._clock() + timeout
        waiting: list[tuple[list[int] | None, AsyncWaiter]] = []
        for positions, sender, part in self._parts(commands):
            waiter = AsyncWaiter(len(part))
            self._port.send(sender, part, waiter, timeout, deadline)
            waiting.append((positions, waiter))
        for _, waiter in waiting:
            await self._port.wait_async(waiter, max(0.0, deadline - self._clock()))
        return gather(waiting, len(commands), return_errors)

    def future(self, command: Any, timeout: float = CALL_TIMEOUT_S) -> Future[Any]:
        """Send a command; its reply, or error, comes in the future. A command still queued after `timeout` is dropped.

        Raises `Full`, `NotSendable`, `Closed` at once.
        """
        port = self._port
        if (here := port.here) is not None and timeout >= 0:
            try:
                result = here.cell.serve_now(here, command, timeout, _future_waits)
            except Exception as error:
                result = Failure(crossed_error(error))
            if result.__class__ is FutureWaiter:
                return result.future
            if result is not QUEUE:
                waiter = FutureWaiter()
                waiter.fill(0, [result])
                return waiter.future
        waiter = FutureWaiter()
        port.send(port.sender_for(command), [command], waiter, timeout, self._clock() + timeout)
        return waiter.future

    def _parts(self, commands: Sequence[Any]) -> list[tuple[list[int] | None, Sender, list[Any]]]:
        port = self._port
        if not commands:
            return []
        if len(port.senders) == 1:
            sender = port.senders[0]
            most = min(_CHUNK, sender.max_commands, most_of_size(commands[0]))
            return [(None, sender, list(commands[start : start + most])) for start in range(0, len(commands), most)]
        dealt: dict[int, tuple[list[int], Sender, list[Any]]] = {}
        done: list[tuple[list[int] | None, Sender, list[Any]]] = []
        for position, command in enumerate(commands):
            sender = port.sender_for(command)
            positions, _, part = dealt.setdefault(sender.line, ([], sender, []))
            positions.append(position)
            part.append(command)
            if len(part) >= min(_CHUNK, sender.max_commands, most_of_size(command)):
                done.append(dealt.pop(sender.line))
        return done + list(dealt.values())


def _async_waits(_: Any) -> AsyncWaiter:
    return AsyncWaiter()


def _future_waits(_: Any) -> FutureWaiter:
    return FutureWaiter()


def most_of_size(command: Any) -> int:
    """How many commands like this one make a megabyte: large ones are sent while the first are already served."""
    return max(1, _CHUNK_BYTES // (local_size(command) or 1))


def gather(waiting: Sequence[tuple[list[int] | None, Waiter]], count: int, return_errors: bool) -> list[Any]:
    """The replies of several runs, in the order of their commands. Raises the first error, unless it is to be
    returned.
    """
    results: list[Any] = []
    if len(waiting) == 1 and waiting[0][0] is None:
        results = waiting[0][1].results
    elif all(positions is None for positions, _ in waiting):
        for _, waiter in waiting:
            results.extend(waiter.results)
    else:
        results = [None] * count
        for positions, waiter in waiting:
            for position, result in zip(positions or (), waiter.results, strict=True):
                results[position] = result
    for index, result in enumerate(results):
        if type(result) is Failure:
            if not return_errors:
                raise result.error
            results[index] = result.error
    return results
