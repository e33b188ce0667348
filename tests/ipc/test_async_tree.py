"""A tree on the running event loop: its coroutine and inline services are served there, with no thread between."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import pytest

from ipc import Closed, Service, ServiceDied, Supervisor, TooManyRestarts, alaunch
from ipc.loops import new_loop

from .conftest import PAIRS
from .services import (
    Asker,
    Awaiting,
    BlockingWhere,
    Counter,
    Crowd,
    Echo,
    GreenCrowd,
    Later,
    Life,
    Recorder,
    StartFails,
    StockEmpty,
    Suspending,
    Where,
    lines,
)

HERE = [pair for pair in PAIRS if pair.startswith(("inline", "coroutine"))]


@pytest.fixture(params=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Any:
    """Runs a coroutine on a new loop of either kind."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")

    def run(main: Any) -> Any:
        with asyncio.Runner(loop_factory=lambda: new_loop(request.param)) as runner:
            return runner.run(main)

    return run


@pytest.mark.parametrize("place", PAIRS)
def test_alaunch(run: Any, place: str) -> None:
    async def main() -> None:
        client = await alaunch(Counter(), place)
        assert await client.acall(5) == 5
        assert await client.acall_many([1, 1]) == [6, 7]
        client.cast(3)
        assert await asyncio.wrap_future(client.future(0)) == 10
        await client.aclose()
        with pytest.raises(Closed):
            await client.acall(1)

    run(main())


@pytest.mark.parametrize("place", PAIRS)
def test_alaunch_as_a_context(run: Any, place: str) -> None:
    async def main() -> None:
        async with alaunch(Counter(), place) as client:
            assert await client.acall(5) == 5
        with pytest.raises(Closed):
            await client.acall(1)
        with pytest.raises(StockEmpty):
            await alaunch(StartFails(), place)

    run(main())


@pytest.mark.parametrize("place", HERE)
def test_no_thread_is_made(place: str) -> None:
    async def main() -> None:
        before = threading.enumerate()
        async with Supervisor() as tree:
            await tree.aadd("counter", Counter(), place)
            await tree.aadd("asker", Asker(), place, outlets={"counter": "counter"})
            client = await tree.aclient("asker")
            assert await client.acall(["counter", 1]) == 1
            assert await asyncio.gather(*(client.acall(["counter", 0]) for _ in range(50))) == [1] * 50
            await client.amove("coroutine+queue" if place != "coroutine+queue" else "coroutine+deque")
            assert await client.acall(["counter", 1]) == 2
            assert (await client.astats()).calls > 100
            assert threading.enumerate() == before
        assert threading.enumerate() == before

    asyncio.run(main())


@pytest.mark.parametrize("place", [pair for pair in PAIRS if not pair.startswith("inline")])
def test_where_a_coroutine_runs(run: Any, place: str) -> None:
    async def main() -> None:
        async with alaunch(Where(), place) as client:
            loop, thread, pid = await client.acall(None)
            assert (pid == os.getpid()) is not place.startswith("process")
            if place.startswith("coroutine"):
                assert loop == id(asyncio.get_running_loop())
                assert thread == threading.get_ident()
            elif place.startswith("thread"):
                assert loop != id(asyncio.get_running_loop())
                assert thread != threading.get_ident()

    run(main())


@pytest.mark.parametrize("place", [pair for pair in PAIRS if not pair.startswith("inline")])
@pytest.mark.parametrize("service", [Crowd, GreenCrowd])
def test_many_at_a_time(service: type[Service], place: str) -> None:
    """As many calls are inside as `concurrency` says: each waits for the last of them."""

    async def main() -> None:
        async with alaunch(service(), place) as client:
            replies = await asyncio.gather(*(client.acall(n, timeout=10.0) for n in range(service.concurrency)))
            assert max(replies) == service.concurrency

    asyncio.run(main())


def test_no_more_at_a_time_than_it_says() -> None:
    class Narrow(Service):
        concurrency = 3

        def open(self) -> None:
            self.inside = self.most = 0

        async def call(self, command: Any) -> int:
            self.inside += 1
            self.most = max(self.most, self.inside)
            for _ in range(5):
                await asyncio.sleep(0)
            self.inside -= 1
            return self.most

    async def main() -> None:
        async with alaunch(Narrow(), "coroutine") as client:
            assert max(await client.acall_many(range(50))) == 3
            assert max(await asyncio.gather(*(client.acall(n) for n in range(50)))) == 3

    asyncio.run(main())


@pytest.mark.parametrize("service", [Suspending, Awaiting])
def test_calls_among_services_of_one_loop(service: type[Service]) -> None:
    async def main() -> None:
        async with Supervisor() as tree:
            await tree.aadd("counter", Counter(), "inline")
            await tree.aadd("middle", service(), "coroutine", outlets={"next": "counter"})
            await tree.aadd("first", service(), "coroutine", outlets={"next": "middle"})
            client = await tree.aclient("first")
            for expected in range(1, 20):
                assert await client.acall(["next", ["next", 1]], timeout=10.0) == expected

    asyncio.run(main())


@pytest.mark.parametrize("place", ["thread+queue", "thread+pipe", "thread+zmq", "process+pipe", "process+zmq"])
def test_blocking_services(run: Any, place: str) -> None:
    async def main() -> None:
        async with Supervisor() as tree:
            await tree.aadd("where", BlockingWhere(), place)
            client = await tree.aclient("where")
            main_thread, thread, pid = await client.acall(None)
            assert not main_thread, "the main thread of a process reads, and does what the tree asks"
            assert (pid == os.getpid()) is not place.startswith("process")
            assert thread != threading.get_ident() or pid != os.getpid()

    run(main())


@pytest.mark.parametrize("place", PAIRS)
def test_every_move(run: Any, place: str) -> None:
    async def main() -> None:
        async with alaunch(Recorder(), place) as client:
            number = 0
            for there in PAIRS:
                futures = [client.future([0, number + index]) for index in range(5)]
                await client.amove(there)
                assert await client.acall([0, number + 5]) == number + 5
                assert [await asyncio.wrap_future(f) for f in futures] == list(range(number, number + 5))
                number += 6
            assert (await client.acall("report"))[1] == []

    run(main())


@pytest.mark.parametrize("place", PAIRS)
def test_deaths_and_restarts(place: str) -> None:
    async def main() -> None:
        async with alaunch(Echo(), place) as client:
            with pytest.raises(ServiceDied):
                await client.acall("exit", timeout=10.0)
            assert await client.acall("again", timeout=10.0) == "again"
        async with alaunch(Echo(), place, max_restarts=0) as client:
            with pytest.raises((ServiceDied, TooManyRestarts)):
                await client.acall("exit", timeout=10.0)
            with pytest.raises(TooManyRestarts):
                for _ in range(1000):
                    await client.acall("again", timeout=10.0)

    asyncio.run(main())


@pytest.mark.parametrize("place", PAIRS)
def test_hooks_may_be_coroutines(place: str, tmp_path: Any) -> None:
    async def main() -> None:
        async with alaunch(AsyncLife(str(tmp_path / "hooks")), place) as client:
            assert await client.acall(1) == 1

    if place.startswith("inline"):
        pytest.skip("an async call is never inline")
    asyncio.run(main())
    assert lines(tmp_path / "hooks") == ["open", "start", "call", "stop", "close"]


class AsyncLife(Life):
    """Every hook of it awaits."""

    async def open(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.note("open")

    async def start(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.note("start")

    async def call(self, command: Any) -> Any:
        await asyncio.sleep(0)
        self.note("call")
        return command

    async def close(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.note("close")

    async def stop(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.note("stop")


@pytest.mark.parametrize("place", PAIRS)
def test_a_tree_whose_task_is_cancelled_closes(place: str) -> None:
    async def main() -> None:
        async def use() -> None:
            async with alaunch(Later(), place) as client:
                await client.acall("wait", timeout=50.0)

        task = asyncio.create_task(use())
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_two_trees_on_one_loop() -> None:
    async def main() -> None:
        async with alaunch(Counter(), "coroutine") as first, alaunch(Counter(), "coroutine") as second:
            await first.acall(1)
            assert await second.acall(2) == 2
            assert await first.acall(0) == 1

    asyncio.run(main())
