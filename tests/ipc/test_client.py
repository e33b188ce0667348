"""A client: every way to reach a service, over every legal placement."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import subprocess
import sys
import threading
from functools import partial
from typing import Any

import pytest

from ipc import Bounds, CallTimeout, Client, Closed, Full, Supervisor, UnknownService, launch
from ipc.limits import CHANNEL_COMMANDS

from .conftest import eventually, in_thread
from .services import AsyncSlow, Counter, Echo, Gate, Later, Raiser, Recorder, Slow

# -- the five ways -----------------------------------------------------------------------------------------------------


def test_call(placement: str) -> None:
    with launch(Counter(), placement) as client:
        assert client.call(5) == 5
        assert client.call(-2, timeout=5.0) == 3


def test_call_brings_the_error(placement: str) -> None:
    with launch(Echo(), placement) as client:
        with pytest.raises(ValueError, match="asked to"):
            client.call("raise")
        assert client.call("goes on") == "goes on"


def test_values_of_every_kind(placement: str) -> None:
    values = [None, True, -(2**63), 2**64 - 1, 1.5, "text ü", b"\x00\xff", [1, [2]], {"a": {"b": 1}}, (1, "two"), {1}]
    with launch(Echo(), placement) as client:
        for value in values:
            assert client.call(value) == value
        assert client.call_many(values) == values


def test_a_megabyte_there_and_back(placement: str) -> None:
    content = os.urandom(1 << 20)
    with launch(Echo(), placement) as client:
        assert client.call(content) == content
        assert client.call_many([content] * 3) == [content] * 3


def test_call_many_in_order(placement: str) -> None:
    with launch(Counter(), placement) as client:
        assert client.call_many([1] * 100) == list(range(1, 101))
        assert client.call_many((1, 2)) == [101, 103]


def test_call_many_of_nothing(placement: str) -> None:
    with launch(Counter(), placement) as client:
        assert client.call_many([]) == []
        assert client.call_many([], return_errors=True) == []


def test_call_many_with_one_error(placement: str) -> None:
    with launch(Echo(), placement) as client:
        with pytest.raises(ValueError, match="asked to"):
            client.call_many([1, 2, "raise", 4])
        results = client.call_many([1, 2, "raise", 4, "raise"], return_errors=True)
        assert results[:2] == [1, 2]
        assert results[3] == 4
        assert [type(results[index]) for index in (2, 4)] == [ValueError, ValueError]


def test_call_many_serves_all_before_it_raises(placement: str) -> None:
    with launch(Counter(), placement) as client:
        with pytest.raises(TypeError):
            client.call_many([1, "not a number", 10])
        assert client.call(0) == 11


def test_call_many_beyond_the_bound(placement: str) -> None:
    count = CHANNEL_COMMANDS + CHANNEL_COMMANDS // 2
    with launch(Counter(), placement) as client:
        assert client.call_many([1] * count) == list(range(1, count + 1))


def test_call_many_beyond_a_small_bound(placement: str) -> None:
    with launch(Counter(), placement, bounds=Bounds(commands=7)) as client:
        assert client.call_many([1] * 1000) == list(range(1, 1001))


def test_cast_then_call_in_order(placement: str) -> None:
    with launch(Recorder(), placement) as client:
        for number in range(1000):
            client.cast([0, number])
        assert client.call([0, 1000]) == 1000
        assert client.call("report") == [{0: 1001}, [], 1001]


def test_casts_beyond_a_small_bound_wait_for_room(placement: str) -> None:
    with launch(Recorder(), placement, bounds=Bounds(commands=10)) as client:
        for number in range(500):
            client.cast([0, number])
        assert client.call("report") == [{0: 500}, [], 500]


def test_the_error_of_a_cast_is_counted(placement: str, caplog: pytest.LogCaptureFixture) -> None:
    with launch(Echo(), placement) as client:
        client.cast("raise")
        assert client.call("on it goes") == "on it goes"
        assert client.stats().errors == 1
        assert client.stats().calls == 2


def test_future(placement: str) -> None:
    with launch(Counter(), placement) as client:
        futures = [client.future(1) for _ in range(100)]
        assert [future.result(10.0) for future in futures] == list(range(1, 101))


def test_future_brings_the_error(placement: str) -> None:
    with launch(Raiser(), placement) as client:
        future = client.future("builtin")
        assert isinstance(future.exception(10.0), KeyError)
        with pytest.raises(KeyError, match="nobody"):
            future.result(10.0)


def test_a_future_that_is_cancelled_hurts_nobody(placement: str) -> None:
    with launch(Later(), placement) as client:
        future = client.future("wait")
        assert client.call("count") == 1
        assert future.cancel()
        assert client.call("answer") == 1
        assert client.call("count") == 0
        with pytest.raises(concurrent.futures.CancelledError):
            future.result(10.0)


def test_ways_mixed_keep_their_order(placement: str) -> None:
    with launch(Counter(), placement) as client:
        first = client.future(1)
        client.cast(10)
        many = client.call_many([100, 1000])
        last = client.future(10_000)
        assert first.result(10.0) == 1
        assert many == [111, 1111]
        assert last.result(10.0) == 11_111


# -- awaited -----------------------------------------------------------------------------------------------------------


def test_the_awaited_twins(placement: str) -> None:
    client = launch(Counter(), placement)

    async def main() -> None:
        assert await client.acall(5) == 5
        assert await client.acall_many([1, 1]) == [6, 7]
        client.cast(3)
        assert await client.acall(0) == 10
        results = await client.acall_many([0, "no number"], return_errors=True)
        assert results[0] == 10 and isinstance(results[1], TypeError)
        with pytest.raises(TypeError):
            await client.acall("no number")
        assert await asyncio.gather(*(client.acall(1) for _ in range(100))) == list(range(11, 111))
        there = "coroutine+queue" if placement != "coroutine+queue" else "thread+queue"
        await client.amove(there)
        assert client.placement == there
        assert await client.acall(0) == 110
        numbers = await client.astats()
        assert (numbers.calls, numbers.errors, numbers.placement, numbers.moves) == (109, 2, there, 1)
        await client.aclose()
        with pytest.raises(Closed):
            await client.acall(1)

    asyncio.run(main())


def test_an_awaited_call_that_is_cancelled_hurts_nobody(placement: str) -> None:
    with launch(Later(), placement) as client:

        async def main() -> None:
            task = asyncio.create_task(client.acall("wait"))
            await asyncio.sleep(0)
            assert await client.acall("count") == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await client.acall("answer") == 1

        asyncio.run(main())
        assert client.call("count") == 0


def test_an_awaited_call_times_out(placement: str) -> None:
    with launch(Later(), placement) as client:

        async def main() -> None:
            with pytest.raises(CallTimeout):
                await client.acall("wait", timeout=0.02)
            with pytest.raises(CallTimeout):
                await client.acall_many(["wait"], timeout=0.02)

        asyncio.run(main())
        assert client.call("count") == 2


# -- timeouts ----------------------------------------------------------------------------------------------------------


def test_a_call_times_out(placement: str) -> None:
    with launch(Later(), placement, name="patient") as client:
        with pytest.raises(CallTimeout, match=r"'patient' did not answer within 0\.02 s") as caught:
            client.call("wait", timeout=0.02)
        assert (caught.value.service, caught.value.timeout_s) == ("patient", 0.02)
        with pytest.raises(TimeoutError):
            client.call_many(["wait", "wait"], timeout=0.02)
        taken = client.call("count")
        assert taken + client.stats().expired == 3, "on a loaded machine a command may expire before it is served"
        assert client.call("answer") == taken


def test_a_queued_command_is_dropped_and_a_running_one_is_late(apart: str, gate: Gate) -> None:
    with launch(Slow(gate), apart) as client:
        running, errors = in_thread(lambda: client.call("gate", timeout=0.05))
        with gate.held():
            with pytest.raises(CallTimeout):
                client.call("queued", timeout=0.02)
            with pytest.raises(CallTimeout):
                client.call_many(["queued", "queued"], timeout=0.02)
            running.join(10.0)
            assert isinstance(errors[0], CallTimeout)
        assert client.call("log") == ["gate"]
        numbers = client.stats()
        assert (numbers.expired, numbers.errors) == (3, 0)
        assert numbers.late >= 1


def test_a_late_reply_is_counted_once(apart: str, gate: Gate) -> None:
    with launch(Slow(gate), apart) as client:
        thread, errors = in_thread(lambda: client.call("gate", timeout=0.05))
        with gate.held():
            thread.join(10.0)
            assert isinstance(errors[0], CallTimeout)
        client.call("log")
        assert client.stats().late == 1


def test_a_queued_future_is_dropped(apart: str, gate: Gate) -> None:
    with launch(Slow(gate), apart) as client:
        blocked = client.future("gate")
        with gate.held():
            dropped = client.future("queued", timeout=0.001)
            with pytest.raises(TimeoutError):
                dropped.exception(0.02)
        assert blocked.result(10.0)[0] == "gate"
        assert client.call("log") == ["gate"]
        assert client.stats().expired == 1


def test_a_timeout_bounds_the_wait_to_enter_an_inline_service(gate: Gate) -> None:
    with launch(Slow(gate), "inline+none") as client:
        running, results = in_thread(lambda: client.call("gate"))
        with gate.held():
            with pytest.raises(CallTimeout):
                client.call("other", timeout=0.02)
        running.join(10.0)
        assert results == [["gate", os.getpid()]]
        assert client.call("log") == ["gate"]


# -- closing -----------------------------------------------------------------------------------------------------------


def use_in_every_way(client: Client) -> None:
    with pytest.raises(Closed):
        client.call(1)
    with pytest.raises(Closed):
        client.call_many([1])
    with pytest.raises(Closed):
        client.cast(1)
    with pytest.raises(Closed):
        client.future(1)
    with pytest.raises(Closed):
        client.move("thread+queue")
    with pytest.raises(Closed):
        client.stats()
    with pytest.raises(Closed):
        asyncio.run(client.acall(1))
    with pytest.raises(Closed):
        asyncio.run(client.acall_many([1]))


def test_closed_at_once(placement: str) -> None:
    client = launch(Counter(), placement)
    assert client.call(1) == 1
    client.close()
    client.close()
    use_in_every_way(client)


def test_closing_one_client_leaves_the_service(placement: str) -> None:
    with Supervisor() as tree:
        tree.add("counter", Counter(), placement)
        first, second = tree.client("counter"), tree.client("counter")
        assert (first.call(1), second.call(1)) == (1, 2)
        first.close()
        first.close()
        with pytest.raises(Closed):
            first.call(1)
        with pytest.raises(Closed):
            first.cast(1)
        with pytest.raises(Closed):
            first.future(1)
        assert second.call(1) == 3
        with tree.client("counter") as third:
            assert third.call(1) == 4


def test_close_wakes_who_waits(placement: str) -> None:
    client = launch(Later(), placement)
    waiting = [in_thread(lambda: client.call("wait", timeout=50.0)) for _ in range(3)]
    many = in_thread(lambda: client.call_many(["wait", "wait"], timeout=50.0))
    future = client.future("wait")
    assert eventually(lambda: client.call("count") == 6)
    client.close()
    for thread, results in [*waiting, many]:
        thread.join(10.0)
        assert type(results[0]) is Closed
    assert type(future.exception(10.0)) is Closed


def test_close_wakes_who_awaits(placement: str) -> None:
    client = launch(Later(), placement)

    async def main() -> None:
        task = asyncio.create_task(client.acall("wait", timeout=50.0))
        while await client.acall("count") < 1:
            await asyncio.sleep(0)
        await client.aclose()
        with pytest.raises(Closed):
            await task

    asyncio.run(main())


def test_closing_a_client_wakes_who_waits_on_it(placement: str) -> None:
    with Supervisor() as tree:
        tree.add("later", Later(), placement)
        first, second = tree.client("later"), tree.client("later")
        thread, results = in_thread(lambda: first.call("wait", timeout=50.0))
        assert eventually(lambda: second.call("count") == 1)
        first.close()
        thread.join(10.0)
        assert type(results[0]) is Closed
        assert second.call("answer") == 1


def test_close_wakes_who_waits_for_room(apart: str, gate: Gate) -> None:
    with Supervisor() as tree:
        tree.add("slow", Slow(gate), apart, bounds=Bounds(commands=2))
        client = tree.client("slow")
        client.cast("gate")
        with gate.held():
            client.cast("queued")
            thread, results = in_thread(lambda: client.cast("no room", timeout=50.0))
            assert eventually(lambda: client._port.senders[0].room_waiters)
            client.close()
            thread.join(10.0)
            assert type(results[0]) is Closed


def test_no_such_service(tree: Supervisor) -> None:
    tree.add("counter", Counter())
    with pytest.raises(UnknownService, match=r"no service 'other' in the tree; it has: counter"):
        tree.client("other")


def test_large_messages_over_zmq_leave_nothing() -> None:
    """Sent without a copy they would: pyzmq then keeps a thread, a context and descriptors of its own."""
    script = """
import os, threading
from ipc import launch
from tests.ipc.services import Echo

if __name__ == "__main__":
    with launch(Echo(), "thread+queue"):
        pass
    before = len(os.listdir("/proc/self/fd"))
    with launch(Echo(), "thread+zmq") as client:
        client.call(bytes(1 << 20))
    print(threading.active_count(), len(os.listdir("/proc/self/fd")) - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout.split() == ["1", "0"], done.stderr


# -- threads -----------------------------------------------------------------------------------------------------------


def test_eight_threads_at_once(placement: str) -> None:
    count, per_thread = 8, 300
    with launch(Recorder(), placement) as client:

        def work(sender: int) -> int:
            answered = number = 0
            for _ in range(per_thread // 4):
                client.cast([sender, number])
                answered += client.call([sender, number + 1]) == number + 1
                answered += client.call_many([[sender, number + 2]]) == [number + 2]
                answered += client.future([sender, number + 3]).result(30.0) == number + 3
                number += 4
            return answered

        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            assert list(pool.map(work, range(count))) == [per_thread // 4 * 3] * count
        following, faults, served = client.call("report")
        assert faults == []
        assert following == dict.fromkeys(range(count), per_thread)
        assert served == count * per_thread


def test_a_client_of_its_own_for_each_thread(placement: str) -> None:
    with Supervisor() as tree:
        tree.add("counter", Counter(), placement)

        def work(_: int) -> None:
            with tree.client("counter") as client:
                for _ in range(50):
                    client.call(1)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert tree.client("counter").call(0) == 200


def test_callers_overtake_one_that_waits(placement: str) -> None:
    """A thread whose reply does not come must not keep the replies of others from them."""
    with launch(Later(), placement) as client:
        thread, results = in_thread(lambda: client.call("wait", timeout=50.0))
        assert eventually(lambda: client.call("count") == 1)
        second, others = in_thread(lambda: [client.call("count", timeout=10.0) for _ in range(100)])
        second.join(20.0)
        assert others == [[1] * 100]
        assert client.call("answer") == 1
        thread.join(10.0)
        assert results == [0]


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_stats(placement: str) -> None:
    with launch(Echo(), placement, name="echo") as client:
        for _ in range(10):
            client.call("x")
        client.call_many(["y"] * 20)
        for _ in range(3):
            with pytest.raises(ValueError):
                client.call("raise")
        numbers = client.stats()
        assert numbers.name == "echo"
        assert numbers.placement == placement == client.placement
        assert (numbers.calls, numbers.errors) == (33, 3)
        assert (numbers.queued, numbers.queued_bytes, numbers.oldest_wait_s) == (0, 0, 0.0)
        assert (numbers.expired, numbers.late, numbers.lost) == (0, 0, 0)
        assert (numbers.bad_frames, numbers.moves, numbers.restarts) == (0, 0, 0)
        assert 0 < numbers.p50_s <= numbers.p99_s
        assert 0 < numbers.busy_s < 10
        assert numbers.pids == (client.call("pid"),)
        assert numbers.cpu_s >= 0  # the kernel counts in hundredths of a second
        assert numbers.rss_bytes > 1 << 20


def test_stats_tell_what_is_queued() -> None:
    service = AsyncSlow()
    with launch(service, "thread+queue") as client:
        blocked = client.future("gate")
        assert service.entered.wait(10.0)
        waiting = [client.future(b"12345") for _ in range(5)]
        numbers = client.stats()
        assert (numbers.queued, numbers.queued_bytes) == (5, 25)
        assert 0 <= numbers.oldest_wait_s < 60
        service.let_go()
        for future in [blocked, *waiting]:
            future.result(10.0)
        assert client.stats().queued == 0


def test_stats_of_a_busy_process(gate: Gate) -> None:
    """A process answers for its numbers while its service is in a call."""
    with launch(Slow(gate), "process+pipe") as client:
        future = client.future("gate")
        with gate.held():
            numbers = client.stats()
            assert numbers.calls == 0
            assert numbers.pids[0] != os.getpid()
        future.result(10.0)
        assert client.stats().calls == 1


# -- bounds ------------------------------------------------------------------------------------------------------------


def retry_when_full(client: Client, command: Any) -> Any:
    """The reply to a command that is sent again until there is room."""
    results: list[Any] = []

    def sent() -> bool:
        try:
            results.append(client.call(command))
        except Full:
            return False
        return True

    assert eventually(sent, 1.0), "it stays full"
    return results[0]


def test_full_of_commands(apart: str, gate: Gate) -> None:
    with launch(Slow(gate), apart, name="slow", bounds=Bounds(commands=4, when_full="fail")) as client:
        client.cast("gate")
        with gate.held():
            for number in range(3):
                client.cast(number)
            with pytest.raises(Full, match=r"'slow' is full \(4 commands\) and its policy is to fail"):
                client.cast("too many")
            with pytest.raises(Full):
                client.call("too many")
            with pytest.raises(Full):
                client.future("too many")
            with pytest.raises(Full):
                client.call_many(["too many"])


def test_room_comes_back_where_the_policy_is_to_fail(apart: str, gate: Gate) -> None:
    with launch(Slow(gate), apart, bounds=Bounds(commands=4, when_full="fail")) as client:
        client.cast("gate")
        with gate.held():
            for number in range(3):
                client.cast(number)
            with pytest.raises(Full):
                client.cast("too many")
        assert retry_when_full(client, "log") == ["gate", 0, 1, 2]


def test_room_comes_back_on_an_event_loop(apart: str) -> None:
    with launch(Recorder(), apart, bounds=Bounds(commands=4)) as client:

        async def cast(number: int) -> None:
            async with asyncio.timeout(1.0):
                while True:
                    try:
                        client.cast([0, number])
                        return
                    except Full:
                        await asyncio.sleep(0.001)

        async def main() -> None:
            for number in range(50):
                await cast(number)
            assert await client.acall("report") == [{0: 50}, [], 50]

        asyncio.run(main())


def test_full_of_bytes(apart: str, gate: Gate) -> None:
    with launch(Slow(gate), apart, bounds=Bounds(bytes=10_000, when_full="fail")) as client:
        client.cast("gate")
        with gate.held():
            client.cast(bytes(6000))
            with pytest.raises(Full):
                client.cast(bytes(6000))
            client.cast(b"small")


def test_waits_for_room_until_the_deadline(apart: str, gate: Gate) -> None:
    with launch(Slow(gate), apart, bounds=Bounds(commands=2)) as client:
        client.cast("gate")
        with gate.held():
            client.cast("queued")
            with pytest.raises(Full, match="stayed full until the deadline"):
                client.cast("no room", timeout=0.02)
            with pytest.raises(Full, match="stayed full until the deadline"):
                client.call("no room", timeout=0.02)
            thread, results = in_thread(lambda: client.call("room in time", timeout=50.0))
            assert eventually(lambda: client._port.senders[0].room_waiters)
        thread.join(10.0)
        assert results[0][0] == "room in time"  # type: ignore[index]
        assert client.call("log") == ["gate", "queued", "room in time"]


def test_full_of_an_inline_service(gate: Gate) -> None:
    """Another thread is inside it: what is sent meanwhile is queued, and bounded."""
    with launch(Slow(gate), "inline+none", bounds=Bounds(commands=4, when_full="fail")) as client:
        thread, _ = in_thread(lambda: client.call("gate"))
        with gate.held():
            for number in range(4):
                client.cast(number)
            with pytest.raises(Full):
                client.cast("too many")
        thread.join(10.0)
        assert client.call("log") == ["gate", 0, 1, 2, 3]


def test_a_command_that_can_never_fit(placement: str) -> None:
    if placement == "inline+none":
        pytest.skip("a function call has no channel that could be too small")
    with launch(Echo(), placement, bounds=Bounds(bytes=1000)) as client:
        for send in (client.cast, client.future):
            with pytest.raises(Full, match=r"can never fit the channel to 'echo', bounded to .* and 1000 bytes"):
                send(bytes(2000))
        assert client.call(bytes(500)) == bytes(500)


def test_room_comes_back(placement: str) -> None:
    """However often it was full, in the end everything that was sent was counted as served."""
    with launch(Recorder(), placement, bounds=Bounds(commands=8, bytes=400)) as client:

        def work(sender: int) -> int:
            for number in range(200):
                client.cast([sender, number])
            return sender

        for thread, results in [in_thread(partial(work, sender)) for sender in range(4)]:
            thread.join(20.0)
            assert results and isinstance(results[0], int)
        assert client.call("report") == [dict.fromkeys(range(4), 200), [], 800]


@pytest.mark.parametrize(("field", "value"), [("commands", 0), ("bytes", -1), ("when_full", "drop")])
def test_bounds_that_make_no_sense(field: str, value: Any) -> None:
    with pytest.raises(ValueError):
        Bounds(**{field: value})


def test_an_event_loop_does_not_wait_for_room(gate: Gate) -> None:
    with launch(Slow(gate), "thread+queue", bounds=Bounds(commands=2)) as client:
        client.cast("gate")
        with gate.held():
            client.cast("queued")

            async def main() -> None:
                with pytest.raises(Full, match="an event loop cannot wait"):
                    client.cast("no room")
                with pytest.raises(Full, match="an event loop cannot wait"):
                    await client.acall("no room")

            asyncio.run(main())


def test_threads_end_with_their_client() -> None:
    before = threading.active_count()
    with launch(Counter(), "thread+queue") as client:
        assert threading.active_count() == before + 2
        client.call(1)
    assert threading.active_count() == before
