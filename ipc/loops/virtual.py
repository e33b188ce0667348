"""An event loop of virtual time: no descriptor, no thread, no real waiting, the same order in every run.

Theory. An event loop has a queue of callbacks that are ready and a heap of timers. A loop of real time with nothing
ready sleeps until the next timer; this one sets its clock to it. So a year passes as fast as its callbacks run, time
stands still while anything is ready, and if nothing is ready and no timer is set then nothing can ever happen: that
is an error (`VirtualDeadlock`), not a hang. With no source of events but its own callbacks, the order of a run
follows from the program and the seed alone. (Discrete-event simulation with a next-event clock; as in trio's
`MockClock` with `autojump_threshold=0`, and the simulator of FoundationDB.)

One turn: if nothing is ready, jump to the next timer; timers that are due become ready, in the order of their time
and then of their scheduling; the callbacks that are ready now run, those that they schedule wait for the next turn.
This is the turn of `asyncio.BaseEventLoop`, whose documentation promises that `call_soon` is first in, first out.
`shuffle=True` breaks that promise on purpose: each turn permutes its ready callbacks, which explores interleavings
that a faster machine or network might show; code that passes only unshuffled relies on the promise, mostly by taking
`sleep(0)` for "the task that I just made has begun".

What is not repeatable is what the program itself orders by address or by salted hash: a set of strings or of futures
(tasks are numbered, see `ordered`), `asyncio.as_completed` of bare coroutines, tasks of `asyncio.eager_task_factory`.
What never ends is polling by `sleep(0)` for a time to come: something is always ready, so the clock stands still.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import math
import os
import random
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final, TypeVar, TypeVarTuple

from ipc.errors import IpcError
from ipc.loops.generators import Generators
from ipc.loops.handler import HandlingLoop
from ipc.loops.ordered import OrderedTask
from ipc.loops.refused import RefusingLoop

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_CANCELLED_TIMERS: Final = 64
"""Cancelled timers that may stay in the heap, besides as many as there are live ones: asyncio keeps 100 likewise."""

_NAMED_TASKS: Final = 8
"""Waiting tasks that the message of a deadlock names: more than that is not read."""

_ORIGIN_FRAMES: Final = 10
"""Frames kept of where a coroutine was made, in debug mode: what asyncio keeps."""


class LoopMisused(IpcError, RuntimeError):
    """The loop is closed, runs already, or was called from a thread that is not its own; the message says which."""


class VirtualDeadlock(IpcError, RuntimeError):
    """Nothing can ever happen: no callback is ready and no timer is set, yet the loop was asked to run.

    `at_s` is the virtual time in seconds, `waiting` all tasks, as `name (coroutine)`, in the order they were made.
    The loop stays usable: cancel the tasks, or schedule what they wait for, and run it again.
    """

    def __init__(self, at_s: float = 0.0, waiting: tuple[str, ...] = ()) -> None:
        super().__init__(at_s, waiting)
        self.at_s = at_s
        self.waiting = waiting

    def __str__(self) -> str:
        names = ", ".join(self.waiting[:_NAMED_TASKS])
        more = f" and {len(self.waiting) - _NAMED_TASKS} more" if len(self.waiting) > _NAMED_TASKS else ""
        return (
            f"nothing can ever happen at virtual time {self.at_s:g} s: no callback is ready and no timer is set; "
            f"waiting: {names or 'no task'}{more}; give the wait a deadline, or wake it from a task of this loop"
        )


class _Timer(asyncio.TimerHandle):
    """A timer that knows whether it is in the heap, so that only a cancel that leaves a dead entry there is counted."""

    __slots__ = ("in_heap",)
    in_heap: bool


class VirtualLoop(HandlingLoop, RefusingLoop):
    """An asyncio event loop of virtual time.

    `seed` decides `random` and, with `shuffle`, the order of the callbacks of a turn. `start_s` is the first time, in
    seconds; ValueError unless it is finite. `random` is for the program that runs on the loop; the order is drawn
    from another generator, so drawing numbers does not change it.

    It never blocks. All methods belong to the thread that runs it; from another one they raise `LoopMisused` while it
    runs, since a thread would make the order unrepeatable. A closed loop raises `LoopMisused` too. What needs a
    descriptor, a thread, a process or a signal raises `NotVirtual`.
    """

    def __init__(self, seed: int = 0, start_s: float = 0.0, *, shuffle: bool = False) -> None:
        if not math.isfinite(start_s):
            raise ValueError(f"start_s is {start_s}; give a finite number of seconds")
        self.random = random.Random(seed)
        self._order = random.Random(f"order {seed}") if shuffle else None
        self._now_s = start_s
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._cancelled_timers = 0
        self._timer_serials = itertools.count(1)
        self._task_serials = itertools.count(1)
        self._task_factory: Any = None
        self._generators = Generators(self, self._append)
        self._thread: int | None = None
        self._stopping = False
        self._closed = False
        self._debug = sys.flags.dev_mode or (
            not sys.flags.ignore_environment and bool(os.environ.get("PYTHONASYNCIODEBUG"))
        )

    def __repr__(self) -> str:
        return (
            f"<VirtualLoop time={self._now_s:g} running={self.is_running()} closed={self._closed} "
            f"ready={len(self._ready)} timers={len(self._timers)}>"
        )

    # -- running -------------------------------------------------------------------------------------------------------

    def run_forever(self) -> None:
        """Run until `stop`. Raises `VirtualDeadlock`, `LoopMisused` if this or another loop runs here already, and
        whatever KeyboardInterrupt or SystemExit a callback raises; the callbacks after that one stay queued."""
        self._check_open()
        if self._thread is not None:
            raise LoopMisused("this event loop is already running; await instead")
        if asyncio._get_running_loop() is not None:
            raise LoopMisused("another event loop runs in this thread; use a thread of its own, or await instead")
        hooks = sys.get_asyncgen_hooks()
        depth = sys.get_coroutine_origin_tracking_depth()
        self._thread = threading.get_ident()
        try:
            sys.set_asyncgen_hooks(firstiter=self._generators.begins, finalizer=self._generators.dropped)
            if self._debug:
                sys.set_coroutine_origin_tracking_depth(_ORIGIN_FRAMES)
            asyncio._set_running_loop(self)
            while True:
                self._turn()
                if self._stopping:
                    break
        finally:
            self._stopping = False
            self._thread = None
            asyncio._set_running_loop(None)
            sys.set_coroutine_origin_tracking_depth(depth)
            sys.set_asyncgen_hooks(*hooks)

    def run_until_complete(self, future: Generator[Any, None, _T] | Awaitable[_T]) -> _T:
        """Run until the future or coroutine is done; its result, or raises its exception.

        Raises as `run_forever` does, and `LoopMisused` if the loop was stopped first. Where it raises `VirtualDeadlock`
        the task that was made of a coroutine is still waiting: find it by `asyncio.all_tasks(loop)`.
        """
        self._check_open()
        made_here = not asyncio.isfuture(future)
        waited: asyncio.Future[_T] = asyncio.ensure_future(future, loop=self)  # type: ignore[arg-type]
        if made_here:
            # Its owner is told by an exception when it does not finish: no second complaint when it is collected.
            waited._log_destroy_pending = False  # type: ignore[attr-defined]
        waited.add_done_callback(_stop_its_loop)
        try:
            self.run_forever()
        except BaseException:
            if made_here and waited.done() and not waited.cancelled():
                waited.exception()  # marks it as retrieved: the same exception is on its way to the caller
            raise
        finally:
            waited.remove_done_callback(_stop_its_loop)
        if not waited.done():
            raise LoopMisused("the event loop was stopped before the future completed")
        return waited.result()

    def stop(self) -> None:
        """End `run_forever` after this turn; before it, after one turn that does not move the clock."""
        self._check_thread("stop")
        self._stopping = True

    def is_running(self) -> bool:
        """Whether `run_forever` is on the stack of some thread."""
        return self._thread is not None

    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Forget all callbacks and timers. Again is allowed. Raises `LoopMisused` while it runs."""
        if self._thread is not None:
            raise LoopMisused("a running event loop cannot be closed; stop it first")
        self._closed = True
        self._ready.clear()
        self._timers.clear()
        self._cancelled_timers = 0

    def time(self) -> float:
        """Virtual seconds. It stands still while a callback runs and while any is ready."""
        return self._now_s

    def _turn(self) -> None:
        ready, timers = self._ready, self._timers
        if self._cancelled_timers > _CANCELLED_TIMERS and self._cancelled_timers * 2 > len(timers):
            self._forget_cancelled()
        while timers and timers[0][2].cancelled():
            self._pop_timer()
        if not ready and not self._stopping:
            if not timers:
                raise VirtualDeadlock(self._now_s, self._waiting())
            self._now_s = max(self._now_s, timers[0][0])
        while timers and timers[0][0] <= self._now_s:
            timer = self._pop_timer()
            if not timer.cancelled():
                ready.append(timer)
        count = len(ready)
        if self._order is not None and count > 1:
            # Popped one by one: a finaliser may append meanwhile, and what it appends belongs to the next turn.
            batch = [ready.popleft() for _ in range(count)]
            self._order.shuffle(batch)
            ready.extendleft(reversed(batch))
        for _ in range(count):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _waiting(self) -> tuple[str, ...]:
        tasks = sorted(asyncio.all_tasks(self), key=hash)
        return tuple(f"{task.get_name()} ({getattr(task.get_coro(), '__qualname__', '?')})" for task in tasks)

    # -- callbacks and timers ------------------------------------------------------------------------------------------

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Run the callback in the next turn, after those scheduled before it (unless the loop shuffles)."""
        self._check_open()
        self._check_thread("call_soon")
        return self._append(callback, *args, context=context)

    def call_soon_threadsafe(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """As `call_soon`. Raises `LoopMisused` in another thread than the loop's own while it runs."""
        self._check_open()
        self._check_thread("call_soon_threadsafe")
        return self._append(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Run the callback `delay` virtual seconds from now; zero or less: in the next turn."""
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Run the callback at the virtual time `when`; those of one time in the order of these calls.

        Positive infinity is never: the clock does not jump there. ValueError for a `when` that is not a number.
        """
        self._check_open()
        self._check_thread("call_at")
        if math.isnan(when):
            raise ValueError("a timer needs a time; got not-a-number")
        timer = _Timer(when, callback, args, self, context)
        timer.in_heap = when < math.inf
        if timer.in_heap:
            heapq.heappush(self._timers, (when, next(self._timer_serials), timer))
        return timer

    def _append(
        self, callback: Callable[..., object], *args: object, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def _pop_timer(self) -> _Timer:
        timer = heapq.heappop(self._timers)[2]
        timer.in_heap = False
        if timer.cancelled():
            self._cancelled_timers = max(0, self._cancelled_timers - 1)
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        # asyncio.TimerHandle.cancel calls this; the entry is only counted, `_turn` removes it.
        if isinstance(handle, _Timer) and handle.in_heap:
            self._cancelled_timers += 1

    def _forget_cancelled(self) -> None:
        """Rebuild the heap without cancelled timers. Finalisers may set and cancel timers while this runs: what they
        set is kept, and what they cancel is at worst counted twice, which makes the next rebuild come sooner."""
        entries = self._timers.copy()
        self._timers.clear()
        self._cancelled_timers = 0
        live = []
        for entry in entries:
            if entry[2].cancelled():
                entry[2].in_heap = False
            else:
                live.append(entry)
        self._timers.extend(live)
        heapq.heapify(self._timers)

    def _check_open(self) -> None:
        if self._closed:
            raise LoopMisused("Event loop is closed")

    def _check_thread(self, operation: str) -> None:
        if self._thread is not None and self._thread != threading.get_ident():
            raise LoopMisused(
                f"{operation} from another thread: a thread would make the order of virtual time unrepeatable; "
                "call from the loop's own thread, or use a loop of real time"
            )

    # -- futures and tasks ---------------------------------------------------------------------------------------------

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **options: Any,
    ) -> asyncio.Task[_T]:
        """A task that starts in the next turn. Without `name` it is named by its number on this loop.

        `options` (such as `eager_start`) go to the task or its factory, which raise TypeError for unknown ones.
        """
        self._check_open()
        if self._task_factory is None:
            serial = next(self._task_serials)
            name = f"Task-{serial}" if name is None else name
            return OrderedTask(serial, coro, loop=self, name=name, context=context, **options)
        if context is not None:
            options["context"] = context
        task: asyncio.Task[_T] = self._task_factory(self, coro, **options)
        if name is not None:
            task.set_name(name)
        return task

    def set_task_factory(self, factory: Any) -> None:
        """`factory(loop, coro, **options)` makes all tasks; None restores the default. TypeError if not callable."""
        if factory is not None and not callable(factory):
            raise TypeError(f"a task factory must be callable or None, not {factory!r}")
        self._task_factory = factory

    def get_task_factory(self) -> Any:
        """The task factory, or None for the default."""
        return self._task_factory

    # -- endings -------------------------------------------------------------------------------------------------------

    async def shutdown_asyncgens(self) -> None:
        """Close the asynchronous generators that are open, in the order they began; see `Generators.shutdown`."""
        await self._generators.shutdown()

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Nothing to do: there is no executor. `timeout`, in seconds, is what asyncio's runner gives."""

    # -- debugging -----------------------------------------------------------------------------------------------------

    def get_debug(self) -> bool:
        """Whether callbacks and tasks remember where they were made; initially as asyncio decides."""
        return self._debug

    def set_debug(self, enabled: bool) -> None:
        """Remember where callbacks and tasks are made, from now on; where coroutines are, from the next run on."""
        self._debug = enabled


def _stop_its_loop(future: asyncio.Future[Any]) -> None:
    if not future.cancelled() and isinstance(future.exception(), (SystemExit, KeyboardInterrupt)):
        return  # it has left run_forever already; a stop would be taken by the next run
    future.get_loop().stop()


def run(main: Coroutine[Any, Any, _T], *, seed: int = 0, shuffle: bool = False) -> _T:
    """Run a coroutine on a new `VirtualLoop`, then cancel what is left and close the loop, as `asyncio.run` does.

    Its result, or raises its exception, or `VirtualDeadlock`; RuntimeError where a loop runs in this thread. It
    blocks while callbacks run, never for time to pass.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed, shuffle=shuffle)) as runner:
        return runner.run(main)
