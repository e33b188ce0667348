"""A cell: one service at its place, its inbox, and the one loop that serves it.

Theory. Whatever drives it, the loop is `run`: take a run of commands from the inbox, call the service for each, reply,
stop when nothing is left, when its fair share is used up, or when it is paused. What waits differs:

    return      nothing is kept between commands: `run` ends, and waking the cell runs it again (a plain `call`)
    in place    a command waits half-way: its stack is kept in a greenlet or a task, and waking continues there

A wake-up is never lost: a sender appends, then looks at `ready`; the loop clears `ready`, then looks at the inbox
again.

The inbox holds tuples (receiver, run, offset, deadline, chain, commands, bytes, since): a part of one sender's run, and
the loop turn in which it came (that is what the oldest wait is measured from).
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from greenlet import GreenletExit, getcurrent, greenlet

from .errors import CallError, Closed, IpcError, MoveTimeout, ServiceDied
from .limits import LOOP_CALLS, LOOP_SECONDS, TIMED_CALLS
from .service import Answer, Service, Token, cannot_suspend, is_async, waits_in_place
from .threads import parked_host, set_parked
from .timers import Timers

if TYPE_CHECKING:
    from .outlets import Outlets

log = logging.getLogger("ipc")

DIRECT = -1
"""The run number of a command that is served inside its sender's own call."""

_NOW: contextvars.ContextVar[list[Any] | None] = contextvars.ContextVar("ipc_command", default=None)
"""(receiver, run, offset, chain, token taken) of the command that this greenlet or task serves."""

_ADOPTING = threading.Lock()
"""Held while what came to a cell too late goes to its heir; seldom."""


class Cell:
    """One shard of a service at its present place. Its methods run on its host, unless they say otherwise."""

    __slots__ = (
        "abandoned",
        "blocking",
        "busy",
        "busy_s",
        "calls",
        "chain",
        "concurrency",
        "current",
        "dead",
        "direct_waiter",
        "errors",
        "expired",
        "heir",
        "host",
        "id",
        "inbox",
        "late",
        "name",
        "nests",
        "offset",
        "on_death",
        "opened",
        "outlets",
        "parent_greenlet",
        "partial",
        "paused",
        "quiet",
        "ready",
        "receivers",
        "run_id",
        "running",
        "rx",
        "serve",
        "service",
        "settled",
        "taken",
        "timers",
        "times",
        "tokens",
        "took",
        "turn_s",
    )  # fmt: skip

    def __init__(
        self, cell_id: int, name: str, service: Service, host: Any, on_death: Callable[[Cell, BaseException], None]
    ) -> None:
        self.id = cell_id
        self.name = name
        self.service = service
        self.host = host
        self.on_death = on_death
        self.outlets: Outlets
        self.inbox: deque[tuple[Any, ...]] = deque()
        self.receivers: dict[int, Any] = {}
        self.tokens: set[Token] = set()
        self.opened: set[str] = set()
        self.nests = False
        self.ready = False
        self.paused = True
        self.heir: Cell | None = None
        self.took = 0
        self.busy = False
        self.dead: BaseException | None = None
        self.running: set[Any] = set()
        self.abandoned = False
        self.quiet: asyncio.Future[None] | None = None
        self.settled: asyncio.Future[None] | None = None
        self.partial: tuple[Any, ...] | None = None
        self.turn_s = host.clock()
        self.calls = self.errors = self.expired = self.late = 0
        self.busy_s = 0.0
        self.times: deque[float] = deque(maxlen=TIMED_CALLS)
        self.rx: Any = None
        self.run_id = 0
        self.offset = 0
        self.chain: tuple[int, ...] = ()
        self.taken = False
        self.direct_waiter: Any = None
        cls = type(service)
        self.blocking = cls.blocking
        self.concurrency = cls.concurrency
        self.serve: Callable[..., None] | None = None
        if waits_in_place(cls):
            self.serve = self._serve_task if is_async(cls) else self._serve_greenlet
        self.timers = Timers(host, host.clock, self.tick)
        service._ipc_cell = self

    # -- the loop ------------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something is in the inbox. Thread-safe; cheap where the cell is already on its host's list."""
        if not self.ready:
            self.ready = True
            self.turn_s = self.host.clock()
            self.host.schedule(self)

    def run(self) -> bool:
        """Serve what is in the inbox; True when the fair share ended before the inbox did."""
        if self.paused or self.busy:
            self.ready = False
            return False
        self.busy = True
        if self.blocking:
            set_parked(self.host)
        try:
            more = self._run() if self.serve is None else self._run_in_place()
        finally:
            self.busy = False
            if self.blocking:
                set_parked(None)
        if more:
            return True
        self.ready = False
        if self.inbox and not self.paused and len(self.running) < self.concurrency:
            self.ready = True
            return True
        return False

    def _run(self) -> bool:
        inbox, call, clock, times = self.inbox, self.service.call, self.host.clock, self.times
        start = now = self.turn_s = clock()
        until = start + LOOP_SECONDS
        share = self.calls + LOOP_CALLS
        try:
            while inbox:
                receiver, run, offset, deadline, self.chain, commands, nbytes, since = inbox.popleft()
                self.rx = receiver
                self.run_id = run
                values: list[Any] = []
                index = replied = 0
                for command in commands:
                    if now > deadline:
                        self.expired += len(commands) - index
                        index = len(commands)
                        break
                    self.offset = offset + index
                    index += 1
                    try:
                        value = call(command)
                    except Exception as error:
                        if values:
                            receiver.reply(run, offset + replied, values)
                            values = []
                        replied = index
                        self._failed(receiver, run, offset + index - 1, error)
                        if self.dead is not None:
                            break
                    except BaseException as error:
                        if values:
                            receiver.reply(run, offset + replied, values)
                            values = []
                        self._died(receiver, run, offset + index - 1, error)
                        if isinstance(error, KeyboardInterrupt):
                            raise
                        break
                    else:
                        if run:
                            if self.taken:
                                self.taken = False
                                if values:
                                    receiver.reply(run, offset + replied, values)
                                    values = []
                                replied = index
                            else:
                                values.append(value)
                    before = now
                    now = clock()
                    times.append(now - before)
                    if now > until:
                        break
                if values:
                    receiver.reply(run, offset + replied, values)
                    if now > deadline:
                        self.late += 1
                self.calls += index
                if index < len(commands):
                    rest = (receiver, run, offset + index, deadline, self.chain, commands[index:], nbytes, since)
                    inbox.appendleft(rest)
                    nbytes = 0
                if receiver is not None:
                    receiver.served(index, nbytes, run)
                if self.dead is not None or self.paused:
                    return False
                if now > until or self.calls > share:
                    return bool(inbox)
            return False
        finally:
            self.rx = None
            self.run_id = 0
            self.chain = ()
            self.taken = False
            self.busy_s += now - start

    # -- waiting in place ----------------------------------------------------------------------------------------------

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
        _NOW.set(now)
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
        _NOW.set(now)
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

    # -- answering -----------------------------------------------------------------------------------------------------

    def later(self) -> Token:
        """A token for the present command. Raises `IpcError` outside a call."""
        if self.serve is not None:
            now = _NOW.get()
            if now is None:
                raise IpcError("later() works inside call, while a command is served")
            receiver, run, offset = now[0], now[1], now[2]
            now[4] = True
        else:
            receiver, run, offset = self.rx, self.run_id, self.offset
            if not self.busy:
                raise IpcError("later() works inside call, while a command is served")
            if run == DIRECT:
                run = self.run_id = receiver.open_run(self)
                offset = self.offset = 0
            self.taken = run != 0  # a cast has no reply that could be held back
        token = Token(receiver.port if receiver is not None else 0, run, offset)
        if run:
            self.tokens.add(token)
        return token

    def reply(self, token: Token, value: Any, error: BaseException | None) -> None:
        """Complete a token. Raises `IpcError` where it was completed before."""
        if token.run == 0:
            return
        if token not in self.tokens:
            raise IpcError(f"{token} is not open here: each token is answered once, by the service that took it")
        self.tokens.discard(token)
        receiver = self.receivers.get(token.port)
        if receiver is None:
            self.late += 1
        elif error is not None:
            self.errors += 1
            receiver.fail(token.run, token.offset, error)
        else:
            receiver.reply(token.run, token.offset, [value])

    def adopt(self, old: Cell) -> None:
        """This cell has taken the place of another on this process: what came to that one after its queue had been taken
        is for this one. Thread-safe: whoever appends looks for an heir afterwards.
        """
        with _ADOPTING:
            old.heir = self
            for _ in range(old.took):
                old.inbox.popleft()
            old.took = 0
            while old.inbox:
                self.inbox.append(old.inbox.popleft())
        if self.inbox:
            self.wake()

    def answer(self, tag: Any, value: Any, error: BaseException | None) -> None:
        """An answer to a request came: it is a command of its own. Thread-safe."""
        self.inbox.append((None, 0, 0, math.inf, (), (Answer(tag, value, error),), 0, self.turn_s))
        if self.heir is not None:
            self.heir.adopt(self)
        self.wake()
        if self.settled is not None:
            self.host.soon(self._settle)

    def _settle(self) -> None:
        if self.settled is not None and not self.settled.done():
            self.settled.set_result(None)

    def tick(self, command: Any) -> None:
        """A timer's command has come. Thread-safe."""
        self.inbox.append((None, 0, 0, math.inf, (), (command,), 0, self.turn_s))
        self.wake()

    def callers(self) -> tuple[int, ...]:
        """The cells that wait, each for the next, for the present command to be answered; this one last."""
        if self.serve is not None:
            now = _NOW.get()
            return (*now[3], self.id) if now is not None else (self.id,)
        return (*self.chain, self.id)

    def may_wait(self) -> str:
        """How a waiting call waits here: `greenlet` or `thread`. Raises `CannotSuspend` where neither can."""
        if self.blocking and parked_host() is not None:
            return "thread"
        if type(self.service).suspends and getcurrent() in self.running:
            return "greenlet"
        raise cannot_suspend(type(self.service))

    # -- failing -------------------------------------------------------------------------------------------------------

    def _failed(self, receiver: Any, run: int, offset: int, error: Exception) -> None:
        if receiver is not None and run:
            self.errors += 1
            receiver.fail(run, offset, error)
        else:
            self.note_error(error, error)
        if type(self.service).restart_on_error:
            self.end(error)

    def note_error(self, error: BaseException, logged: BaseException | None) -> None:
        """An error that has no caller: count it, and say it in the log."""
        self.errors += 1
        log.error(
            "service %r: a command without a caller failed: %s: %s",
            self.name,
            type(error).__name__,
            error,
            exc_info=logged,
        )

    def _died(self, receiver: Any, run: int, offset: int, error: BaseException) -> None:
        if receiver is not None and run:
            receiver.fail(run, offset, ServiceDied(self.name, f"it was ended by {type(error).__name__}: {error}"))
        self.errors += 1
        self.end(error)

    def end(self, error: BaseException) -> None:
        """The service ends here; the tree is told, and what is queued goes to its successor."""
        if self.dead is None:
            self.dead = error
            self.paused = True
            for token in list(self.tokens):
                self.reply(token, None, ServiceDied(self.name, f"it was ended by {type(error).__name__}: {error}"))
            self.on_death(self, error)

    # -- life ----------------------------------------------------------------------------------------------------------

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
        self.quiet = self.host.loop.create_future()
        try:
            await asyncio.wait_for(self.quiet, timeout_s)
        except TimeoutError:
            self.resume()
            raise MoveTimeout(
                f"service {self.name!r}: {len(self.running)} running calls did not end within {timeout_s:g} s"
            ) from None
        finally:
            self.quiet = None

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

    def stats(self) -> dict[str, Any]:
        """Plain numbers. Thread-safe: a snapshot that may be a command old."""
        entries = list(self.inbox)
        now = self.host.clock()
        return {
            "pid": os.getpid(),
            "calls": self.calls,
            "errors": self.errors,
            "busy_s": self.busy_s,
            "queued": sum(len(entry[5]) for entry in entries),
            "queued_bytes": sum(entry[6] for entry in entries),
            "oldest_wait_s": max(0.0, now - entries[0][7]) if entries else 0.0,
            "times": list(self.times),
            "expired": self.expired,
            "late": self.late,
            "bad_frames": self.host.bad_frames,
        }


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


clock = time.monotonic
"""The clock of hosts in real time: seconds, one clock for all processes of a machine."""
