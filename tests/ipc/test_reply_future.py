"""A future of a reply behaves as the standard library's does, whichever thread is first."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, InvalidStateError, as_completed, wait
from typing import Any

import pytest

from ipc.channels.reply_future import ReplyFuture

KINDS = [Future, ReplyFuture]


def later(function: Any, *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    return thread


@pytest.mark.parametrize("make", KINDS)
def test_a_result_before_and_after_somebody_waits(make: Any) -> None:
    future = make()
    assert not future.done() and not future.cancelled() and not future.running()
    with pytest.raises(TimeoutError):
        future.result(0)
    thread = later(future.set_result, 7)
    assert future.result(10.0) == 7 and future.exception() is None
    thread.join()
    with pytest.raises(InvalidStateError):
        future.set_result(8)
    with pytest.raises(InvalidStateError):
        future.set_exception(ValueError())
    assert not future.cancel() and future.done() and future.result() == 7


@pytest.mark.parametrize("make", KINDS)
def test_an_error(make: Any) -> None:
    future = make()
    future.set_exception(ValueError("as asked"))
    with pytest.raises(ValueError, match="as asked"):
        future.result()
    assert isinstance(future.exception(), ValueError)


@pytest.mark.parametrize("make", KINDS)
def test_cancelling(make: Any) -> None:
    future, seen = make(), []
    future.add_done_callback(seen.append)
    assert future.cancel() and future.cancel() and future.cancelled() and future.done()
    assert seen == [future]
    with pytest.raises(CancelledError):
        future.result()
    with pytest.raises(InvalidStateError):
        future.set_result(1)


@pytest.mark.parametrize("make", KINDS)
def test_a_reply_to_who_was_cancelled_before_anybody_waited(make: Any) -> None:
    future = make()
    assert future.cancel()
    with pytest.raises(InvalidStateError):
        future.set_result(1)
    assert "cancelled" in repr(future)


@pytest.mark.parametrize("make", KINDS)
def test_callbacks_come_once(make: Any) -> None:
    future, seen = make(), []
    future.add_done_callback(lambda done: seen.append(done.result()))
    future.set_result(1)
    future.add_done_callback(lambda done: seen.append(done.result() + 1))
    assert seen == [1, 2]


def test_wait_and_as_completed_take_all_kinds() -> None:
    futures = [make() for make in KINDS * 3]
    futures[0].set_result(0)
    assert wait(futures, return_when=FIRST_COMPLETED).done == {futures[0]}
    threads = [later(future.set_result, number) for number, future in enumerate(futures[1:], 1)]
    assert sorted(future.result() for future in as_completed(futures, timeout=10.0)) == list(range(6))
    for thread in threads:
        thread.join()


def test_a_coroutine_may_await_it() -> None:
    async def main() -> None:
        future = ReplyFuture()
        thread = later(future.set_result, 3)
        assert await asyncio.wait_for(asyncio.wrap_future(future), 10.0) == 3
        thread.join()

    asyncio.run(main())


def test_whoever_is_first_nobody_waits_for_ever() -> None:
    for number in range(2000):
        future = ReplyFuture()
        thread = later(future.set_result, number)
        assert future.result(10.0) == number
        thread.join()


def test_a_cancellation_and_a_result_exclude_each_other() -> None:
    for _ in range(500):
        future, outcomes = ReplyFuture(), []

        def give(future: ReplyFuture = future, outcomes: list[Any] = outcomes) -> None:
            try:
                future.set_result(1)
                outcomes.append("set")
            except InvalidStateError:
                outcomes.append("refused")

        thread = later(give)
        cancelled = future.cancel()
        thread.join()
        assert outcomes == ["refused" if cancelled else "set"]
