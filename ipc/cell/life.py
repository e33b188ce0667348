"""A cell's life: its hooks, pausing and going on, and the state that a successor needs."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from greenlet import GreenletExit, greenlet

from ..errors import IpcError, MoveTimeout, ServiceDied
from ..threads import set_parked
from .in_place import InPlaceCell


class LivingCell(InPlaceCell):
    """Its methods run on its host."""

    __slots__ = ()

    async def hook(self, method: Callable[[], Any]) -> None:
        """Run a hook of the service, in whichever form it is written. Raises what it raises."""
        if type(self.service).suspends:
            done = self.host.loop.create_future()
            runner = greenlet(self._hook_main)
            self.running.add(runner)
            runner.switch(method, done, runner)
            await done
            return
        if self.blocking:
            set_parked(self.host)
        try:
            result = method()
        finally:
            if self.blocking:
                set_parked(None)
        if inspect.isawaitable(result):
            await result

    def _hook_main(self, method: Callable[[], Any], done: asyncio.Future[None], runner: Any) -> None:
        try:
            method()
        except BaseException as error:
            if not done.done():
                done.set_exception(error if isinstance(error, Exception) else ServiceDied(self.name, repr(error)))
        else:
            if not done.done():
                done.set_result(None)
        finally:
            self.running.discard(runner)

    async def open(self) -> None:
        """Run `open`; the names that it is the first to assign are not state."""
        before = set(vars(self.service))
        await self.hook(self.service.open)
        self.opened |= set(vars(self.service)) - before

    async def start(self) -> None:
        """Run `start`."""
        await self.hook(self.service.start)

    def resume(self) -> None:
        """Serve from now on."""
        self.paused = False
        if self.inbox:
            self.ready = True
            self.host.schedule(self)

    async def pause(self, timeout_s: float) -> None:
        """Take no further command, and wait for the running ones. Raises `MoveTimeout`; then it goes on as before."""
        self.paused = True
        if not self.running:
            return
        if self.quiet is None or self.quiet.done():  # who stops it may come while a move waits
            self.quiet = self.host.loop.create_future()
        try:
            await asyncio.wait_for(asyncio.shield(self.quiet), timeout_s)
        except TimeoutError:
            self.resume()
            raise MoveTimeout(
                f"service {self.name!r}: {len(self.running)} running calls did not end within {timeout_s:g} s"
            ) from None

    def abandon(self) -> None:
        """Cancel what is still running; its callers get `Closed`."""
        self.abandoned = True
        for runner in list(self.running):
            if isinstance(runner, greenlet):
                runner.throw(GreenletExit)
            else:
                runner.cancel()

    async def close(self) -> None:
        """Run `close`, and drop what `open` had assigned."""
        try:
            await self.hook(self.service.close)
        finally:
            for name in self.opened:
                vars(self.service).pop(name, None)

    def state(self) -> dict[str, Any]:
        """Every attribute but those first assigned in `open`."""
        return {name: value for name, value in vars(self.service).items() if name not in self.opened}


def run_now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that has nothing to wait for, without an event loop. Raises `IpcError` where it does wait."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise IpcError(
        "an inline service without an event loop cannot await: place it in a coroutine, a thread or a process"
    )
