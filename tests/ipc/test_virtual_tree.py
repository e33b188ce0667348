"""A whole tree in virtual time: no thread, no descriptor, no waiting, the same in every run."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from ipc import CallTimeout, PlacementError, Service, Supervisor, alaunch
from ipc.loops import VirtualLoop
from ipc.loops.virtual import run

from .services import Asker, Awaiting, Counter, Crowd, GreenCrowd, Later, Recorder, Suspending, Ticker

HERE = ["inline+none", "inline+deque", "inline+queue", "coroutine+deque", "coroutine+queue"]
MILLION_S = 1_000_000.0


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("place", HERE)
def test_a_service(place: str) -> None:
    async def main() -> None:
        before = threading.enumerate()
        async with alaunch(Counter(), place) as client:
            assert await client.acall(5) == 5
            assert await client.acall_many([1, 1]) == [6, 7]
            client.cast(3)
            assert await client.acall(0) == 10
            assert (await client.astats()).calls == 5
            assert threading.enumerate() == before
        assert now() == 0

    run(main())


@pytest.mark.parametrize("place", HERE)
def test_moves(place: str) -> None:
    async def main() -> None:
        async with alaunch(Recorder(), place) as client:
            for number, there in enumerate(HERE):
                future = client.future([0, 2 * number])
                await client.amove(there)
                assert await client.acall([0, 2 * number + 1]) == 2 * number + 1
                assert future.result(0) == 2 * number

    run(main())


def test_a_million_seconds_of_timers() -> None:
    async def main() -> float:
        async with alaunch(Ticker(), "coroutine") as client:
            started = now()
            replies = await asyncio.gather(
                *(client.acall(MILLION_S / part, timeout=2 * MILLION_S) for part in range(1, 50)),
            )
            assert replies == [started + MILLION_S / part for part in range(1, 50)]
            for _ in range(10):
                await client.acall(MILLION_S, timeout=2 * MILLION_S)
            return now()

    before_s = time.perf_counter()
    assert run(main()) == 11 * MILLION_S
    assert time.perf_counter() - before_s < 10


async def busy_tree(trace: list[Any]) -> list[Any]:
    """Services that ask each other, at times that are drawn from the loop's own source of randomness."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    random_ = loop.random
    async with Supervisor() as tree:
        await tree.aadd("ticker", Ticker(), "coroutine")
        await tree.aadd("counter", Counter(), "inline")
        await tree.aadd("asker", Asker(), "coroutine+queue", outlets={"ticker": "ticker", "counter": "counter"})
        await tree.aadd("caller", Awaiting(), "coroutine", outlets={"ticker": "ticker", "counter": "counter"})

        async def user(number: int) -> None:
            client = await tree.aclient("asker" if number % 2 else "caller")
            for _ in range(20):
                target = random_.choice(["ticker", "counter"])
                await asyncio.sleep(random_.uniform(0, 3))
                try:
                    reply = await client.acall([target, random_.randrange(1, 4)], timeout=4.0)
                except CallTimeout:
                    reply = "timeout"
                trace.append((number, target, loop.time(), reply))

        await asyncio.gather(*(user(number) for number in range(10)), mover(tree))
        ticker = await tree.aclient("ticker")
        return list(await ticker.acall("trace"))


async def mover(tree: Supervisor) -> None:
    for place in HERE * 2:
        await asyncio.sleep(2.5)
        await tree.amove("counter", place)


def test_the_same_seed_gives_the_same_run() -> None:
    traces: list[list[Any]] = []
    for seed in (1, 1, 2):
        trace: list[Any] = []
        trace.append(run(busy_tree(trace), seed=seed))
        traces.append(trace)
    assert len(traces[0]) == 201
    assert traces[0] == traces[1]
    assert traces[0] != traces[2]


def test_the_same_seed_gives_the_same_run_where_the_order_is_shuffled() -> None:
    traces: list[list[Any]] = []
    for seed in (3, 3):
        trace: list[Any] = []
        trace.append(run(busy_tree(trace), seed=seed, shuffle=True))
        traces.append(trace)
    assert traces[0] == traces[1]


@pytest.mark.parametrize("place", ["thread+queue", "thread+pipe", "thread+zmq", "process+pipe", "process+zmq"])
def test_no_threads_and_no_processes(place: str) -> None:
    async def main() -> None:
        with pytest.raises(PlacementError, match="in virtual time everything is on one thread") as caught:
            await alaunch(Counter(), place)
        assert caught.value.legal == tuple(HERE)
        async with alaunch(Counter(), "coroutine") as client:
            await client.acall(1)
            with pytest.raises(PlacementError, match="in virtual time"):
                await client.amove(place)
            assert await client.acall(1) == 2
        with pytest.raises(PlacementError):
            await alaunch(Crowd(), "thread:2@g")

    run(main())


def test_no_sockets() -> None:
    async def main() -> None:
        with pytest.raises(PlacementError, match="in virtual time there are no descriptors") as caught:
            await alaunch(Counter(), "coroutine+zmq")
        assert caught.value.legal == tuple(HERE)
        async with alaunch(Counter(), "coroutine") as client:
            with pytest.raises(PlacementError):
                await client.amove("coroutine+zmq")
            assert await client.acall(1) == 1

    run(main())


@pytest.mark.parametrize("place", HERE)
def test_timeouts_are_in_virtual_time(place: str) -> None:
    async def main() -> None:
        async with alaunch(Later(), place) as client:
            with pytest.raises(CallTimeout):
                await client.acall("wait", timeout=MILLION_S)
            assert now() == MILLION_S
            with pytest.raises(CallTimeout):
                await client.acall("wait")
            assert now() == MILLION_S + 30
            assert await client.acall("count") == 2

    before_s = time.perf_counter()
    run(main())
    assert time.perf_counter() - before_s < 10


def test_a_queued_command_expires_in_virtual_time() -> None:
    class One(Service):
        def start(self) -> None:
            self.log: list[float] = []

        async def call(self, command: float) -> Any:
            if command < 0:
                return self.log
            self.log.append(command)
            await asyncio.sleep(command)
            return command

    async def main() -> None:
        async with alaunch(One(), "coroutine") as client:
            first = asyncio.create_task(client.acall(1000.0, timeout=MILLION_S))
            await asyncio.sleep(1)
            with pytest.raises(CallTimeout):
                await client.acall(5.0, timeout=500.0)
            assert await first == 1000.0
            assert await client.acall(-1) == [1000.0]
            assert (await client.astats()).expired == 1

    run(main())


@pytest.mark.parametrize("service", [Crowd, GreenCrowd])
def test_many_at_a_time(service: type[Service]) -> None:
    async def main() -> None:
        async with alaunch(service(), "coroutine") as client:
            replies = await asyncio.gather(*(client.acall(n) for n in range(service.concurrency)))
            assert max(replies) == service.concurrency
        assert now() == 0

    run(main())


def test_greenlets_sleep_in_virtual_time() -> None:
    class Sleeper(Suspending):
        def call(self, command: Any) -> Any:
            self.suspend(asyncio.sleep(command))
            return self._ipc_placed().host.clock()

    async def main() -> None:
        async with alaunch(Sleeper(), "coroutine") as client:
            assert await client.acall(MILLION_S, timeout=2 * MILLION_S) == MILLION_S

    run(main())
