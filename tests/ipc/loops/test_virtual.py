"""The loop of virtual time: its clock, its order, its refusals, and asyncio's own tools on it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import hashlib
import logging
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc.errors import IpcError
from ipc.loops import LoopMisused, NotVirtual, VirtualDeadlock, VirtualLoop, virtual
from ipc.loops.virtual import run


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.close()


def running() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


# -- the clock ---------------------------------------------------------------------------------------------------------


def test_a_million_seconds_pass_in_no_time() -> None:
    async def main() -> float:
        await asyncio.sleep(1_000_000)
        return running().time()

    before_s = time.perf_counter()
    assert run(main()) == 1_000_000
    assert time.perf_counter() - before_s < 5


def test_the_clock_starts_where_it_is_told() -> None:
    loop = VirtualLoop(start_s=1e9)
    loop.run_until_complete(asyncio.sleep(0.5))
    assert loop.time() == 1e9 + 0.5
    loop.close()


@pytest.mark.parametrize("start_s", [math.inf, math.nan])
def test_the_clock_starts_at_a_number(start_s: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        VirtualLoop(start_s=start_s)


def test_time_stands_still_while_anything_is_ready(loop: VirtualLoop) -> None:
    async def main() -> float:
        loop.call_later(0.001, lambda: None)
        for _ in range(1000):
            await asyncio.sleep(0)
        return loop.time()

    assert loop.run_until_complete(main()) == 0


def test_late_timers_never_turn_the_clock_back(loop: VirtualLoop) -> None:
    async def main() -> list[float]:
        await asyncio.sleep(10)
        seen: list[float] = []
        for when in (3.0, -math.inf, 11.0):
            loop.call_at(when, lambda: seen.append(loop.time()))
        await asyncio.sleep(5)
        return seen

    assert loop.run_until_complete(main()) == [10, 10, 11]


def test_a_timer_at_infinity_is_never(loop: VirtualLoop) -> None:
    async def main() -> None:
        async with asyncio.timeout(7):
            await asyncio.sleep(math.inf)

    with pytest.raises(TimeoutError):
        loop.run_until_complete(main())
    assert loop.time() == 7
    with pytest.raises(VirtualDeadlock):
        run(asyncio.sleep(math.inf))


def test_a_timer_needs_a_time(loop: VirtualLoop) -> None:
    with pytest.raises(ValueError, match="not-a-number"):
        loop.call_later(math.nan, lambda: None)


# -- the order ---------------------------------------------------------------------------------------------------------


def test_ready_callbacks_are_first_in_first_out(loop: VirtualLoop) -> None:
    seen: list[int] = []
    for number in range(100):
        loop.call_soon(seen.append, number)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == list(range(100))


def test_timers_of_one_time_fire_in_the_order_of_their_scheduling(loop: VirtualLoop) -> None:
    seen: list[int] = []
    for number in range(100):
        loop.call_at(5.0, seen.append, number)
    loop.run_until_complete(asyncio.sleep(6))
    assert seen == list(range(100))


DELAYS = st.sampled_from([0.0, 0.25, 0.5, 1.0, 7.5]) | st.floats(-10, 1e6)


@given(st.lists(st.tuples(DELAYS, st.booleans())), st.floats(0, 1e6))
def test_timers_against_a_sorted_model(timers: list[tuple[float, bool]], start_s: float) -> None:
    loop = VirtualLoop(start_s=start_s)
    seen: list[tuple[float, int]] = []

    def fire(number: int) -> None:
        seen.append((loop.time(), number))

    handles = [loop.call_later(delay_s, fire, number) for number, (delay_s, _) in enumerate(timers)]
    for handle, (_, cancelled) in zip(handles, timers, strict=True):
        if cancelled:
            handle.cancel()
    loop.call_at(start_s + 3e6, loop.stop)
    loop.run_forever()
    model = sorted((start_s + delay_s, number) for number, (delay_s, cancelled) in enumerate(timers) if not cancelled)
    assert seen == [(max(start_s, when), number) for when, number in model]
    loop.close()


async def interleaved() -> list[tuple[float, str]]:
    """Workers that sleep, wait, fail and are cancelled: a trace of who ran when, and what was drawn."""
    loop = running()
    trace: list[tuple[float, str]] = []
    lock = asyncio.Lock()

    async def worker(name: str) -> None:
        try:
            for turn in range(5):
                await asyncio.sleep(loop.random.choice([0, 0, 0.5, 1]))
                async with lock:
                    trace.append((loop.time(), f"{name} {turn}"))
                    await asyncio.sleep(0)
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            trace.append((loop.time(), f"{name} cancelled"))
            raise

    async def failing() -> None:
        await asyncio.sleep(50)
        raise LookupError

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(worker(f"w{number}"))
            group.create_task(failing())
    except* LookupError:
        trace.append((loop.time(), "failed"))
    return trace


def test_the_same_seed_gives_the_same_interleaving() -> None:
    first = run(interleaved(), seed=7, shuffle=True)
    rubbish = [[object() for _ in range(number)] for number in range(500)]  # so that objects get other addresses
    assert run(interleaved(), seed=7, shuffle=True) == first
    del rubbish[::2]
    assert run(interleaved(), seed=7, shuffle=True) == first
    assert run(interleaved(), seed=8, shuffle=True) != first
    assert run(interleaved(), seed=7) != first
    assert run(interleaved(), seed=7) == run(interleaved(), seed=7)


def test_the_same_seed_gives_the_same_interleaving_in_another_process() -> None:
    code = (
        "from tests.ipc.loops.test_virtual import *\nprint(hash_of(virtual.run(interleaved(), seed=7, shuffle=True)))"
    )
    seen = {hash_of(run(interleaved(), seed=7, shuffle=True))}
    for salt in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        seen.add(done.stdout.strip())
    assert len(seen) == 1


def hash_of(trace: object) -> str:
    return hashlib.blake2b(repr(trace).encode(), digest_size=8).hexdigest()


def test_shuffle_permutes_what_is_ready_and_loses_nothing() -> None:
    async def main() -> list[int]:
        seen: list[int] = []
        for number in range(50):
            running().call_soon(seen.append, number)
        await asyncio.sleep(0.1)
        return seen

    orders = {tuple(run(main(), seed=seed, shuffle=True)) for seed in range(5)}
    assert len(orders) == 5
    assert all(sorted(order) == list(range(50)) for order in orders)


def test_shuffle_keeps_later_turns_later() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        def first() -> None:
            seen.append("a")
            running().call_soon(seen.append, "b")

        for _ in range(20):
            running().call_soon(first)
        await asyncio.sleep(1)
        return seen

    assert run(main(), seed=3, shuffle=True) == ["a"] * 20 + ["b"] * 20


def test_drawing_numbers_does_not_change_the_order() -> None:
    async def main(draws: int) -> list[int]:
        seen: list[int] = []
        for _ in range(draws):
            running().random.random()
        for number in range(20):
            running().call_soon(seen.append, number)
        await asyncio.sleep(1)
        return seen

    assert run(main(0), seed=1, shuffle=True) == run(main(5), seed=1, shuffle=True)


def test_a_failing_group_cancels_its_tasks_in_a_repeatable_order() -> None:
    async def main() -> list[int]:
        seen: list[int] = []

        async def child(number: int) -> None:
            try:
                await asyncio.sleep(100)
            finally:
                seen.append(number)

        async def failing() -> None:
            await asyncio.sleep(1)
            raise LookupError

        try:
            async with asyncio.TaskGroup() as group:
                for number in range(200):
                    group.create_task(child(number))
                group.create_task(failing())
        except* LookupError:
            pass
        return seen

    first = run(main())
    keep = [bytearray(number) for number in range(3000)]
    assert run(main()) == first
    assert sorted(first) == list(range(200))
    del keep


# -- nothing can happen ------------------------------------------------------------------------------------------------


def test_a_wait_for_nothing_is_an_error() -> None:
    async def consumer() -> None:
        await asyncio.sleep(12.5)
        await asyncio.Queue[int]().get()

    with pytest.raises(VirtualDeadlock, match=r"virtual time 12\.5 s.*waiting: Task-1 \(.*consumer\)") as caught:
        run(consumer())
    assert isinstance(caught.value, IpcError)
    assert isinstance(caught.value, RuntimeError)
    assert caught.value.at_s == 12.5
    assert len(caught.value.waiting) == 1


def test_a_deadlock_names_a_few_tasks_in_order() -> None:
    async def main() -> None:
        event = asyncio.Event()
        await asyncio.gather(*(asyncio.create_task(event.wait(), name=f"t{number}") for number in range(20)))

    with pytest.raises(VirtualDeadlock) as caught:
        run(main())
    assert [text.split()[0] for text in caught.value.waiting] == ["Task-1", *(f"t{number}" for number in range(20))]
    assert "t6 (Event.wait) and 13 more" in str(caught.value)


def test_a_deadlock_without_tasks(loop: VirtualLoop) -> None:
    with pytest.raises(VirtualDeadlock, match="waiting: no task"):
        loop.run_forever()
    with pytest.raises(VirtualDeadlock):
        loop.run_until_complete(loop.create_future())


def test_cancelled_timers_do_not_hide_a_deadlock(loop: VirtualLoop) -> None:
    for number in range(10):
        loop.call_later(number, lambda: None).cancel()
    with pytest.raises(VirtualDeadlock):
        loop.run_until_complete(loop.create_future())
    assert loop.time() == 0


def test_after_a_deadlock_the_loop_goes_on(loop: VirtualLoop) -> None:
    future = loop.create_future()
    with pytest.raises(VirtualDeadlock):
        loop.run_until_complete(future)
    assert not loop.is_running()
    future.set_result("at last")
    assert loop.run_until_complete(future) == "at last"


def test_a_task_left_by_a_deadlock_is_no_second_complaint(loop: VirtualLoop, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(VirtualDeadlock):
        loop.run_until_complete(main())
    gc.collect()
    assert not caplog.records


@pytest.mark.parametrize(
    "error", [VirtualDeadlock(1.5, ("a (f)",)), NotVirtual("add_reader", "why"), LoopMisused("Event loop is closed")]
)
def test_errors_survive_pickling(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


# -- running and stopping ----------------------------------------------------------------------------------------------


def test_stop_ends_after_the_turn(loop: VirtualLoop) -> None:
    seen: list[str] = []
    loop.call_soon(loop.stop)
    loop.call_soon(seen.append, "this turn")
    loop.call_soon(loop.call_soon, seen.append, "next turn")
    loop.run_forever()
    assert seen == ["this turn"]
    loop.stop()
    loop.run_forever()
    assert seen == ["this turn", "next turn"]


def test_stop_before_running_does_not_move_the_clock(loop: VirtualLoop) -> None:
    loop.call_later(5, lambda: None)
    loop.stop()
    loop.run_forever()
    assert loop.time() == 0


def test_stopped_before_the_future_completed(loop: VirtualLoop) -> None:
    loop.call_later(1, loop.stop)
    future = loop.create_future()
    with pytest.raises(LoopMisused, match="stopped before"):
        loop.run_until_complete(future)


def test_nesting_is_refused(loop: VirtualLoop) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="already running"):
            running().run_forever()
        with pytest.raises(RuntimeError, match="already running"):
            running().run_until_complete(running().create_future())
        with pytest.raises(RuntimeError, match="another event loop"):
            loop.run_forever()
        with pytest.raises(RuntimeError, match="cannot be closed"):
            running().close()

    run(main())
    assert asyncio._get_running_loop() is None


def test_a_closed_loop() -> None:
    loop = VirtualLoop()
    loop.call_later(1, lambda: None)
    loop.close()
    loop.close()
    assert loop.is_closed()
    for use in (
        loop.run_forever,
        lambda: loop.call_soon(print),
        lambda: loop.call_soon_threadsafe(print),
        lambda: loop.call_later(1, print),
        lambda: loop.run_until_complete(asyncio.Future(loop=loop)),
    ):
        with pytest.raises(LoopMisused, match="Event loop is closed"):
            use()
    sleep = asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        loop.create_task(sleep)
    sleep.close()


@pytest.mark.parametrize("leave", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("shuffle", [False, True])
def test_leaving_exceptions_pass_and_the_rest_stays_queued(leave: type[BaseException], shuffle: bool) -> None:
    loop = VirtualLoop(shuffle=shuffle)
    seen: list[int] = []

    def raising() -> None:
        raise leave

    for number in range(10):
        loop.call_soon(seen.append, number)
    loop.call_soon(raising)
    with pytest.raises(leave):
        loop.run_forever()
    loop.run_until_complete(asyncio.sleep(0))
    assert sorted(seen) == list(range(10))

    async def main() -> None:
        raise leave

    with pytest.raises(leave):
        loop.run_until_complete(main())
    assert loop.run_until_complete(asyncio.sleep(1, "on")) == "on"
    loop.close()


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals reach the main thread")
def test_an_interrupt_cancels_the_main_task_of_a_runner() -> None:
    seen: list[str] = []

    async def main() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    with pytest.raises(KeyboardInterrupt):
        run(main())
    assert seen == ["cancelled"]


def test_a_runner_takes_the_class() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop, debug=True) as runner:
        assert runner.get_loop().get_debug()
        assert runner.run(asyncio.sleep(3, "slept")) == "slept"
        assert runner.run(asyncio.sleep(4, "again")) == "again"
        assert runner.get_loop().time() == 7


def test_run_cancels_what_is_left() -> None:
    seen: list[str] = []

    async def left() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(10)
            seen.append(f"closed at {running().time():g}")

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(left())
        await asyncio.sleep(1)
        return task

    task = run(main())
    assert task.cancelled()
    assert seen == ["closed at 11"]


# -- asyncio's own tools -----------------------------------------------------------------------------------------------


def test_wait_for_gives_up_in_time() -> None:
    async def main() -> tuple[float, float]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(1000), 2.5)
        first = running().time()
        assert await asyncio.wait_for(asyncio.sleep(1, "value"), 1000) == "value"
        return first, running().time()

    assert run(main()) == (2.5, 3.5)


def test_timeouts_may_be_moved() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1) as deadline:
                deadline.reschedule(20)
                await asyncio.Event().wait()
        return running().time()

    assert run(main()) == 20


def test_gather_queue_event_and_condition() -> None:
    async def main() -> list[int]:
        queue: asyncio.Queue[int] = asyncio.Queue(2)
        got: list[int] = []
        done = asyncio.Event()

        async def produce() -> None:
            for number in range(10):
                await queue.put(number)
                await asyncio.sleep(number % 3)
            await queue.join()
            done.set()

        async def consume() -> None:
            while True:
                got.append(await queue.get())
                await asyncio.sleep(1)
                queue.task_done()

        consumer = asyncio.create_task(consume())
        await asyncio.gather(produce(), done.wait())
        consumer.cancel()
        await asyncio.wait([consumer])
        return got

    assert run(main()) == list(range(10))
    assert run(main(), seed=5, shuffle=True) == list(range(10))


def test_cancellation() -> None:
    async def main() -> tuple[str, float]:
        async def stubborn() -> str:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                await asyncio.sleep(2)
                return "finished all the same"
            return "not cancelled"

        task = asyncio.create_task(stubborn())
        await asyncio.sleep(1)
        assert task.cancel()
        never = asyncio.create_task(stubborn())
        never.cancel()
        with pytest.raises(asyncio.CancelledError):
            await never
        return await task, running().time()

    assert run(main()) == ("finished all the same", 3)


def test_as_completed_and_shield() -> None:
    async def main() -> list[float]:
        tasks = [asyncio.create_task(asyncio.sleep(delay_s, delay_s)) for delay_s in (3.0, 1.0, 2.0)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(tasks[0]), 0.5)
        return [await each for each in asyncio.as_completed(tasks)]

    assert run(main()) == [1, 2, 3]


def test_tasks_names_contexts_and_factories(loop: VirtualLoop) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    context = contextvars.copy_context()
    context.run(variable.set, "inside")

    async def read() -> str:
        return variable.get("outside")

    assert loop.create_task(read()).get_name() == "Task-1"
    named = loop.create_task(read(), name="named", context=context)
    assert named.get_name() == "named"
    assert loop.run_until_complete(named) == "inside"

    made: list[dict[str, Any]] = []

    def factory(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        made.append(options)
        return asyncio.Task(coro, loop=loop, **options)

    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    assert loop.run_until_complete(loop.create_task(read(), name="by factory", context=context)) == "inside"
    assert loop.run_until_complete(read()) == "outside"
    assert made[0]["context"] is context
    loop.set_task_factory(None)
    assert loop.get_task_factory() is None
    with pytest.raises(TypeError):
        loop.set_task_factory(3)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks(loop: VirtualLoop) -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def child() -> None:
            seen.append("child")
            await asyncio.sleep(1)

        task = loop.create_task(child())
        seen.append("main")
        await task
        return seen

    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
    assert loop.run_until_complete(main()) == ["child", "main"]


def test_callbacks_run_in_their_context(loop: VirtualLoop) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
    context = contextvars.copy_context()
    context.run(variable.set, 5)
    seen: list[int] = []
    for schedule in (loop.call_soon, loop.call_soon_threadsafe, lambda *a, **k: loop.call_later(1, *a, **k)):
        schedule(lambda: seen.append(variable.get()), context=context)
    loop.run_until_complete(asyncio.sleep(2))
    assert seen == [5, 5, 5]


def test_cancelled_callbacks_do_not_run(loop: VirtualLoop) -> None:
    seen: list[str] = []
    soon = loop.call_soon(seen.append, "soon")
    later = loop.call_later(1, seen.append, "later")
    handles: list[asyncio.TimerHandle] = []
    loop.call_at(2, lambda: handles[0].cancel())
    due = loop.call_later(2, seen.append, "due in the turn that cancels it")
    loop.call_at(2, seen.append, "kept")
    assert due.when() == 2
    handles.append(due)
    soon.cancel()
    later.cancel()
    later.cancel()
    loop.run_until_complete(asyncio.sleep(3))
    assert seen == ["kept"]


# -- many timers -------------------------------------------------------------------------------------------------------


def test_ten_thousand_timers_with_cancels(loop: VirtualLoop) -> None:
    seen: list[int] = []
    handles = [loop.call_later(loop.random.uniform(1, 100), seen.append, number) for number in range(10_000)]
    kept = set(range(10_000))
    for number in loop.random.sample(range(10_000), 7_000):
        handles[number].cancel()
        kept.discard(number)
    loop.run_until_complete(asyncio.sleep(0.5))
    assert len(loop._timers) == 3_000
    loop.run_until_complete(asyncio.sleep(100))
    assert seen == sorted(kept, key=lambda number: handles[number].when())
    assert loop._timers == []
    assert loop._cancelled_timers == 0


def test_cancelled_timers_do_not_accumulate() -> None:
    async def main() -> int:
        most = 0
        for _ in range(5_000):
            async with asyncio.timeout(1e6):
                await asyncio.sleep(0)
            most = max(most, len(running()._timers))
        return most

    assert run(main()) <= 2 * virtual._CANCELLED_TIMERS


def test_cancelling_a_timer_that_fired_counts_nothing(loop: VirtualLoop) -> None:
    handles = [loop.call_later(1, lambda: None) for _ in range(10)]
    loop.run_until_complete(asyncio.sleep(2))
    for handle in handles:
        handle.cancel()
    assert loop._cancelled_timers == 0


# -- exceptions --------------------------------------------------------------------------------------------------------


def fail() -> None:
    raise LookupError("lost")


def test_the_exception_handler(loop: VirtualLoop) -> None:
    seen: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda where, context: seen.append({"loop": where, **context}))
    assert loop.get_exception_handler() is not None
    loop.call_soon(fail)
    loop.call_later(1, fail)
    loop.run_until_complete(asyncio.sleep(2))
    assert [str(context["exception"]) for context in seen] == ["lost", "lost"]
    assert all(context["loop"] is loop for context in seen)
    with pytest.raises(TypeError):
        loop.set_exception_handler(3)  # type: ignore[arg-type]


def test_the_default_exception_handler_logs(loop: VirtualLoop, caplog: pytest.LogCaptureFixture) -> None:
    loop.set_debug(True)
    loop.call_soon(fail)
    loop.run_until_complete(asyncio.sleep(1))
    [record] = caplog.records
    assert (record.name, record.levelno) == ("asyncio", logging.ERROR)
    assert "fail" in record.getMessage()
    assert "source_traceback (most recent call last):" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


def test_an_exception_handler_that_fails_is_logged(loop: VirtualLoop, caplog: pytest.LogCaptureFixture) -> None:
    def handler(_loop: object, _context: object) -> None:
        raise ZeroDivisionError

    loop.set_exception_handler(handler)
    loop.call_soon(fail)
    loop.run_until_complete(asyncio.sleep(1))
    [record] = caplog.records
    assert "handler failed" in record.getMessage()


def test_an_exception_handler_may_leave(loop: VirtualLoop) -> None:
    def handler(_loop: object, _context: object) -> None:
        raise KeyboardInterrupt

    loop.set_exception_handler(handler)
    loop.call_soon(fail)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()


def test_a_forgotten_task_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def failing() -> None:
        raise LookupError("forgotten")

    async def main() -> None:
        task = asyncio.create_task(failing())
        await asyncio.sleep(1)
        del task
        gc.collect()

    run(main())
    assert "never retrieved" in caplog.text


# -- asynchronous generators -------------------------------------------------------------------------------------------


async def ticks(seen: list[str], name: str) -> AsyncIterator[int]:
    try:
        for number in range(100):
            yield number
            await asyncio.sleep(1)
    finally:
        await asyncio.sleep(5)
        seen.append(f"{name} at {running().time():g}")


def test_open_generators_are_closed_at_the_end_in_order() -> None:
    seen: list[str] = []
    held = [ticks(seen, name) for name in "abc"]

    async def main() -> None:
        for generator in held:
            await anext(generator)

    run(main())
    assert seen == ["a at 5", "b at 5", "c at 5"]


def test_a_dropped_generator_is_closed_while_the_loop_runs() -> None:
    seen: list[str] = []

    async def main() -> list[str]:
        async for number in ticks(seen, "dropped"):
            if number == 2:
                break
        gc.collect()
        await asyncio.sleep(10)
        return list(seen)

    assert run(main()) == ["dropped at 7"]


def test_what_a_closing_generator_raises_goes_to_the_handler() -> None:
    contexts: list[dict[str, Any]] = []

    async def bad() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise LookupError("closing")

    held = bad()

    async def main() -> None:
        running().set_exception_handler(lambda _loop, context: contexts.append(context))
        await anext(held)

    run(main())
    assert [str(context["exception"]) for context in contexts] == ["closing"]
    assert contexts[0]["asyncgen"] is held


def test_a_generator_after_the_end_is_warned_of(loop: VirtualLoop) -> None:
    async def once() -> AsyncIterator[int]:
        yield 1

    async def main() -> None:
        await loop.shutdown_asyncgens()
        with pytest.warns(ResourceWarning, match="nothing will close it"):
            assert [number async for number in once()] == [1]

    loop.run_until_complete(main())


def test_the_hooks_of_the_interpreter_are_restored(loop: VirtualLoop) -> None:
    before = (sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth())
    loop.set_debug(True)
    loop.run_until_complete(asyncio.sleep(1))
    with pytest.raises(VirtualDeadlock):
        loop.run_forever()
    assert (sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth()) == before


# -- what it refuses ---------------------------------------------------------------------------------------------------


def test_another_thread_is_refused_while_it_runs() -> None:
    refusals: list[BaseException] = []

    async def main() -> None:
        loop = running()

        def intrude() -> None:
            for use in (
                lambda: loop.call_soon_threadsafe(print),
                lambda: loop.call_soon(print),
                lambda: loop.call_later(1, print),
                loop.stop,
            ):
                try:
                    use()
                except RuntimeError as error:
                    refusals.append(error)

        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()
        loop.call_soon_threadsafe(refusals.reverse)
        await asyncio.sleep(1)

    run(main())
    assert len(refusals) == 4
    assert all(isinstance(error, LoopMisused) and "unrepeatable" in str(error) for error in refusals)


def test_another_thread_may_schedule_while_it_does_not_run(loop: VirtualLoop) -> None:
    seen: list[str] = []
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(seen.append, "before"))
    thread.start()
    thread.join()
    loop.run_until_complete(asyncio.sleep(0))
    assert seen == ["before"]


def test_it_may_run_in_any_thread() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: run(asyncio.sleep(10, "there"))).result(10) == "there"


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, value in sorted(vars(asyncio.AbstractEventLoop).items())
        if callable(value) and not name.startswith("_")
    ],
)
def test_every_method_is_there_or_refuses_with_a_reason(name: str) -> None:
    method = getattr(VirtualLoop, name)
    assert method is not getattr(asyncio.AbstractEventLoop, name)
    if method.__qualname__.startswith("RefusingLoop."):
        with pytest.raises(NotVirtual, match=f"^{name}: virtual time has no ") as caught:
            method(VirtualLoop(), 1, "two", three=3)
        assert isinstance(caught.value, NotImplementedError)
        assert isinstance(caught.value, IpcError)
        assert caught.value.operation == name


def test_threads_and_sockets_are_refused_through_asyncio() -> None:
    async def main() -> None:
        with pytest.raises(NotVirtual, match="no threads"):
            await asyncio.to_thread(print)
        with pytest.raises(NotVirtual, match="no descriptors"):
            await asyncio.open_connection("127.0.0.1", 1)
        with pytest.raises(NotVirtual, match="no processes"):
            await asyncio.create_subprocess_exec("true")

    run(main())


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_no_descriptor_is_opened() -> None:
    def open_now() -> set[str]:
        # The listing itself has a descriptor, gone when the list is there.
        return {number for number in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{number}")}

    async def main() -> set[str]:
        await asyncio.sleep(1)
        return open_now()

    before = open_now()
    loop = VirtualLoop()
    assert loop.run_until_complete(main()) == before
    loop.close()
    assert run(main()) == before
    assert open_now() == before


def test_nothing_is_left_to_warn_of() -> None:
    threads = threading.active_count()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VirtualLoop()
        run(asyncio.sleep(1))
        gc.collect()
    assert threading.active_count() == threads


def test_its_description(loop: VirtualLoop) -> None:
    loop.call_soon(print)
    loop.call_later(3, print)
    assert repr(loop) == "<VirtualLoop time=0 running=False closed=False ready=1 timers=1>"
