"""Commands that wait half-way: their stacks are kept, in a greenlet or a task of the host, while the loop goes on."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from ..errors import CallError, Closed
from ..limits import LOOP_SECONDS
from ..service import cannot_suspend, is_async, waits_in_place
from ..threads import parked_host
from .base import NOW, CellBase


class InPlaceCell(CellBase):
    """Serves each command in a greenlet (`suspends`) or a task (`async def call`) of its own, `concurrency` at once."""

    __slots__ = ()

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        cls = type(self.service)
        if waits_in_place(cls):
            self.serve = self._serve_task if is_async(cls) else self._serve_greenlet

    def _run_in_place(self) -> bool:
        inbox, clock = self.inbox, self.host.clock
        until = self.turn_s = clock()
        until += LOOP_SECONDS
        serve = self.serve
        assert serve is not None
        while inbox and not self.paused and len(self.running) < self.concurrency:
            receiver, run, offset, deadline, chain, commands, nbytes, since = inbox.popleft()
            if len(commands) > 1:
                inbox.appendleft((receiver, run, offset + 1, deadline, chain, commands[1:], nbytes, since))
                nbytes = 0
            if clock() > deadline:
                self.expired += 1
                if receiver is not None:
                    receiver.served(1, nbytes, run)
                continue
            serve([receiver, run, offset, chain, False, deadline, nbytes, clock()], commands[0])
            if clock() > until:
                return bool(inbox) and len(self.running) < self.concurrency
        return False

    def _serve_greenlet(self, now: list[Any], command: Any) -> None:
        runner = greenlet(self._greenlet_main)
        self.running.add(runner)
        runner.switch(now, command, runner)

    def _greenlet_main(self, now: list[Any], command: Any, runner: Any) -> None:
        NOW.set(now)
        try:
            value = self.service.call(command)
        except Exception as error:
            self._finish(runner, now, None, error)
        except GreenletExit:
            self._finish(runner, now, None, Closed(f"service {self.name!r} was closed while it waited"))
        except BaseException as error:
            self._finish(runner, now, None, error)
        else:
            self._finish(runner, now, value, None)

    def _serve_task(self, now: list[Any], command: Any) -> None:
        task = self.host.loop.create_task(self._task_main(now, command))
        self.running.add(task)

    async def _task_main(self, now: list[Any], command: Any) -> None:
        NOW.set(now)
        task = asyncio.current_task()
        try:
            value = await self.service.call(command)
        except asyncio.CancelledError as error:
            closed = (
                Closed(f"service {self.name!r} was closed while it waited")
                if self.abandoned
                else CallError(f"the call was cancelled: {error}")
            )
            self._finish(task, now, None, closed)
        except BaseException as error:
            self._finish(task, now, None, error)
        else:
            self._finish(task, now, value, None)

    def _finish(self, runner: Any, now: list[Any], value: Any, error: BaseException | None) -> None:
        self.running.discard(runner)
        receiver, run, offset, _, taken, deadline, nbytes, began = now
        end = self.host.clock()
        self.times.append(end - began)
        self.busy_s += end - began
        self.calls += 1
        if error is None:
            if run and not taken:
                receiver.reply(run, offset, [value])
                if end > deadline:
                    self.late += 1
        elif isinstance(error, Exception):
            self._failed(receiver, run, offset, error)
        else:
            self._died(receiver, run, offset, error)
        if receiver is not None:
            receiver.served(1, nbytes, run)
        if not self.running and self.quiet is not None and not self.quiet.done():
            self.quiet.set_result(None)
        if self.inbox:
            self.wake()

    def suspend(self, awaitable: Awaitable[Any] | None) -> Any:
        """Wait in the present greenlet while the host goes on. Raises `CannotSuspend` where there is none to keep."""
        runner = getcurrent()
        if runner not in self.running:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
            raise cannot_suspend(type(self.service))
        loop: asyncio.AbstractEventLoop = self.host.loop
        if awaitable is None:
            loop.call_soon(self._resume, runner)
            runner.parent.switch()
            return None
        waited = asyncio.ensure_future(awaitable, loop=loop)
        waited.add_done_callback(lambda _: self._resume(runner))
        try:
            runner.parent.switch()
        except BaseException:
            waited.cancel()
            raise
        return waited.result()

    def _resume(self, runner: Any) -> None:
        if not runner.dead:
            runner.parent = getcurrent()
            runner.switch()
            self.host.turn()

    def may_wait(self) -> str:
        """How a waiting call waits here: `greenlet` or `thread`. Raises `CannotSuspend` where neither can."""
        if self.blocking and parked_host() is not None:
            return "thread"
        if type(self.service).suspends and getcurrent() in self.running:
            return "greenlet"
        raise cannot_suspend(type(self.service))
