"""Outlets: how a service reaches others, by names that were wired when it was added. It never sees a channel."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from .cell.nested import QUEUE
from .channels.crossing import crossed_error
from .channels.port import Port
from .channels.waiters import AsyncWaiter, RequestWaiter, ThreadWaiter
from .errors import Reentrant, ServiceDied, UnknownService
from .limits import CALL_TIMEOUT_S

if TYPE_CHECKING:
    from .cell import Cell
    from .channels.sender import Sender


class Outlet:
    """One named way to another service. To be used by the service that has it, on its own host."""

    __slots__ = ("_cell", "_opens", "_port", "name")

    def __init__(self, name: str, cell: Cell, port: Port) -> None:
        self.name = name
        self._cell = cell
        self._port = port
        self._opens = partial(RequestWaiter, cell)

    def cast(self, command: Any) -> None:
        """Send a command that wants no answer. Raises `Full`, `NotSendable`, or what closed the way."""
        here = self._port.here
        if here is None or here.cell.serve_now(here, command, CALL_TIMEOUT_S, None) is QUEUE:
            self._port.sender_for(command).cast(command, CALL_TIMEOUT_S)

    def request(self, command: Any, tag: Any, timeout: float = CALL_TIMEOUT_S) -> None:
        """Send a command whose answer comes to this service as a command of its own, `Answer(tag, …)`.

        Works under every placement, and never waits. `timeout` (seconds) is how long the command may stay queued at the
        other service; open requests are state and move along. Raises `Full`, `NotSendable`, or what closed the way.
        """
        port, cell = self._port, self._cell
        if (here := port.here) is not None and timeout >= 0:
            try:
                value = here.cell.serve_now(here, command, timeout, self._opens, tag)
            except Exception as error:
                cell.answer(tag, None, crossed_error(error))
                return
            except KeyboardInterrupt as error:
                cell.answer(tag, None, ServiceDied(port.target, f"it was ended by {error!r}"))
                raise
            if value is not QUEUE:
                if value.__class__ is not RequestWaiter:
                    cell.answer(tag, value, None)
                return
        waiter = RequestWaiter(cell, tag)
        port.send(port.sender_for(command), [command], waiter, CALL_TIMEOUT_S, cell.host.clock() + timeout)

    def call(self, command: Any, timeout: float = CALL_TIMEOUT_S) -> Any:
        """Send a command and wait for its reply, at most `timeout` seconds.

        For services that set `suspends` (the host goes on meanwhile) or `blocking` (the thread waits). Raises
        `CannotSuspend` in others, `Reentrant` where it would wait for itself, `CallTimeout`, `ServiceDied`, or what the
        other service raised.
        """
        cell, port = self._cell, self._port
        if cell.may_wait() == "greenlet":
            return cell.suspend(self.acall(command, timeout))
        sender = port.sender_for(command)
        chain = self._chain(sender)
        waiter = ThreadWaiter()
        deadline = time.monotonic() + timeout
        port.send(sender, [command], waiter, timeout, deadline, chain)
        port.wait(waiter, deadline, timeout)
        return waiter.value()

    async def acall(self, command: Any, timeout: float = CALL_TIMEOUT_S) -> Any:
        """Send a command and await its reply: for services whose `call` is a coroutine. Raises as `call`."""
        port = self._port
        sender = port.sender_for(command)
        chain = self._chain(sender)
        waiter = AsyncWaiter()
        port.send(sender, [command], waiter, timeout, self._cell.host.clock() + timeout, chain)
        await port.wait_async(waiter, timeout)
        return waiter.value()

    def _chain(self, sender: Sender) -> tuple[int, ...]:
        chain = self._cell.callers()
        if sender.target in chain and not sender.concurrent:
            raise Reentrant(
                f"service {self._cell.name!r} waits for {self._port.target!r}, which waits for it, directly or through "
                "others: use request, whose answer comes as a command, or set concurrency"
            )
        return chain

    def __repr__(self) -> str:
        return f"<outlet {self.name!r} of {self._cell.name!r} to {self._port.target!r}>"


class Outlets:
    """A service's outlets, as attributes by name."""

    def __init__(self, outlets: dict[str, Outlet]) -> None:
        self.__dict__.update(outlets)

    def __getattr__(self, name: str) -> Outlet:
        have = ", ".join(sorted(vars(self))) or "none"
        raise UnknownService(
            f"this service has no outlet {name!r} (it has: {have}); wire it with outlets={{{name!r}: …}}"
        )

    def __getitem__(self, name: str) -> Outlet:
        outlet: Outlet = getattr(self, name)
        return outlet

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self))
