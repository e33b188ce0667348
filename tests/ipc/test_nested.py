"""Services that are served inside their sender's own call keep every promise that a queue keeps."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ipc import Answer, Bounds, CallTimeout, Service, ServiceDied, Supervisor, launch
from ipc.channels.crossing import PACK_ALL
from ipc.limits import INLINE_DEPTH


class Log(Service):
    """Keeps what comes; answers with it, or as the command says."""

    def start(self) -> None:
        self.seen: list[Any] = []
        self.kept: list[Any] = []

    def call(self, command: Any) -> Any:
        if command == "seen":
            return self.seen
        self.seen.append(command)
        if command == "raise":
            raise ValueError("as asked")
        if command == "later":
            self.kept.append(self.later())
        elif command == "later, raise":
            self.kept.append(self.later())
            raise ValueError("after a token")
        elif command == "reply":
            for token in self.kept:
                self.reply(token, "kept")
            self.kept.clear()
        elif command == "both":
            token = self.later()
            assert self.later() == token
            self.reply(token, "both")
        elif command == "exit":
            raise SystemExit(3)
        return command


class Front(Service):
    """Hands commands on by `request`, and keeps the answers in the order in which they come."""

    def start(self) -> None:
        self.answers: list[Any] = []

    def call(self, command: Any) -> Any:
        if type(command) is Answer:
            error = command.error
            self.answers.append([command.tag, command.value if error is None else f"{type(error).__name__}: {error}"])
            return None
        if command == "answers":
            return self.answers
        if command[0] == "cast":
            self.outlets.log.cast(command[1])
        else:
            before = len(self.answers)
            for number, inner in enumerate(command):
                self.outlets.log.request(inner, number)
            assert len(self.answers) == before, "an answer is a command of its own"
        return None


class Echoes(Service):
    """Asks itself by way of `other`, so many times deep."""

    def start(self) -> None:
        self.deepest = 0
        self.on_stack = 0

    def call(self, command: int) -> int:
        if command < 0:
            return self.deepest
        self.on_stack += 1
        self.deepest = max(self.deepest, self.on_stack)
        if command:
            self.outlets.other.cast(command - 1)
        self.on_stack -= 1
        return command


class Fragile(Log):
    restart_on_error = True


class Plain(Service):
    """Answers with what comes."""

    def call(self, command: Any) -> Any:
        return command


class Tick(Service):
    """Counts, where others of its process can see it."""

    served = 0

    def call(self, command: Any) -> None:
        Tick.served += 1


class BesideTick(Service):
    """Says how often `tick` was served before its cast came back."""

    def call(self, command: Any) -> int:
        before = Tick.served
        self.outlets.tick.cast(None)
        return Tick.served - before


def run(main: Callable[[Supervisor], Awaitable[None]]) -> None:
    """On a tree that lives on a running loop."""

    async def inside() -> None:
        async with asyncio.timeout(20), Supervisor() as tree:
            await main(tree)

    asyncio.run(inside())


async def pair(tree: Supervisor, log: Service | None = None) -> tuple[Any, Any]:
    await tree.aadd("log", log or Log())
    await tree.aadd("front", Front(), outlets={"log": "log"})
    return await tree.aclient("front"), await tree.aclient("log")


def test_answers_come_in_order_and_after_the_call_that_asked() -> None:
    async def main(tree: Supervisor) -> None:
        front, log = await pair(tree)
        await front.acall(["a", "raise", "later", "both", "b"])
        assert await front.acall("answers") == [[0, "a"], [1, "ValueError: as asked"], [3, "both"], [4, "b"]]
        await log.acall("reply")
        assert (await front.acall("answers"))[-1] == [2, "kept"]
        assert await log.acall("seen") == ["a", "raise", "later", "both", "b", "reply"]

    run(main)


def test_an_error_after_a_token_was_taken_is_the_answer() -> None:
    async def main(tree: Supervisor) -> None:
        front, log = await pair(tree)
        await front.acall(["later, raise", "next"])
        assert await front.acall("answers") == [[0, "ValueError: after a token"], [1, "next"]]
        with pytest.raises(ValueError, match="after a token"):
            await log.acall("later, raise")
        assert await log.acall("next") == "next"
        await log.acall("reply")  # both tokens are open still, and nobody waits for them
        assert len(await front.acall("answers")) == 2

    run(main)


def test_an_error_after_a_token_does_not_take_the_next_reply(apart: str) -> None:
    with launch(Log(), apart) as log:
        replies = log.call_many(["later, raise", "next", "last"], return_errors=True)
        assert [str(reply) for reply in replies] == ["after a token", "next", "last"]


def test_a_service_on_the_stack_gets_what_is_cast_to_it_afterwards() -> None:
    async def main(tree: Supervisor) -> None:
        await tree.aadd("one", Echoes(), outlets={"other": "two"})
        await tree.aadd("two", Echoes(), outlets={"other": "one"})
        one, two = await tree.aclient("one"), await tree.aclient("two")
        await one.acall(3 * INLINE_DEPTH)
        assert [await one.acall(-1), await two.acall(-1)] == [1, 1]
        numbers = await tree.astats()
        assert numbers["one"].calls + numbers["two"].calls == 3 * INLINE_DEPTH + 1 + 2

    run(main)


def test_deep_nesting_is_queued() -> None:
    count = 2 * INLINE_DEPTH

    async def main(tree: Supervisor) -> None:
        for number in range(count):
            await tree.aadd(f"s{number}", Echoes(), outlets={"other": f"s{number + 1}"})
        await tree.aadd(f"s{count}", Log())
        first, last = await tree.aclient("s0"), await tree.aclient(f"s{count}")
        await first.acall(count)
        while not (await last.acall("seen")):
            await asyncio.sleep(0)
        assert await last.acall("seen") == [0]

    run(main)


def test_errors_of_casts_are_counted_and_those_of_calls_raised() -> None:
    async def main(tree: Supervisor) -> None:
        front, log = await pair(tree)
        await front.acall(["cast", "raise"])
        log.cast("raise")
        with pytest.raises(ValueError, match="as asked") as caught:
            await log.acall("raise")
        assert "call" in str(caught.value.__cause__), "the traceback there is its cause"
        assert isinstance(log.future("raise").exception(), ValueError)
        assert log.future("x").result() == "x"
        assert (await log.astats()).errors == 4

    run(main)


def test_a_later_reply_reaches_futures_and_coroutines() -> None:
    async def main(tree: Supervisor) -> None:
        _, log = await pair(tree)
        future, waits = log.future("later"), asyncio.ensure_future(log.acall("later"))
        await asyncio.sleep(0)
        assert not future.done() and not waits.done()
        await log.acall("reply")
        assert future.result(0) == "kept" and await waits == "kept"
        with pytest.raises(CallTimeout):
            await log.acall("later", timeout=0.01)
        await log.acall("reply")

    run(main)


@pytest.mark.parametrize("command", ["raise", "exit"])
def test_a_service_that_ends_inside_its_senders_call_is_restarted(command: str) -> None:
    async def main(tree: Supervisor) -> None:
        front, log = await pair(tree, Fragile())
        await front.acall([command, "queued for the next"])
        while len(await front.acall("answers")) < 2:
            await asyncio.sleep(0)
        first, second = await front.acall("answers")
        assert first[1].startswith("ValueError" if command == "raise" else "ServiceDied")
        assert second == [1, "queued for the next"]
        assert (await log.astats()).restarts == 1
        with pytest.raises(ValueError if command == "raise" else ServiceDied):
            await log.acall(command)
        assert await log.acall("seen") == []

    run(main)


def test_other_threads_come_in_by_the_loop() -> None:
    async def main(tree: Supervisor) -> None:
        _, log = await pair(tree)
        names: list[str] = []

        def ask() -> None:
            names.append(log.call("from a thread", timeout=10.0))
            names.append(log.future("its future").result(10.0))
            log.cast("its cast")

        thread = threading.Thread(target=ask)
        thread.start()
        await asyncio.to_thread(thread.join)
        assert names == ["from a thread", "its future"]
        assert await log.acall("seen") == ["from a thread", "its future", "its cast"]

    run(main)


@pytest.mark.skipif(PACK_ALL, reason="what is packed is queued, and expires there")
def test_a_reply_after_the_deadline_is_counted_late() -> None:
    async def main(tree: Supervisor) -> None:
        await tree.aadd("slow", Plain())
        slow = await tree.aclient("slow")
        assert await slow.acall(1, timeout=0.0) == 1
        numbers = await slow.astats()
        assert [numbers.calls, numbers.late] == [1, 1]

    run(main)


def test_without_an_event_loop_services_nest_in_their_callers_thread() -> None:
    with Supervisor() as tree:
        tree.add("log", Log(), bounds=Bounds(commands=2))
        tree.add("front", Front(), outlets={"log": "log"}, bounds=Bounds(commands=2))
        front, log = tree.client("front"), tree.client("log")
        front.call(["a", "later", "later, raise", "b"])
        assert front.call("answers") == [[0, "a"], [2, "ValueError: after a token"], [3, "b"]]
        log.call("reply")
        assert front.call("answers")[-1] == [1, "kept"]
        assert tree.stats()["log"].queued == 0


class Awaits(Service):
    """Needs a stack of its own."""

    async def call(self, command: Any) -> Any:
        await asyncio.sleep(0)
        return [command]


class Suspends(Service):
    suspends = True

    def call(self, command: Any) -> Any:
        return self.outlets.plain.call(command)


@pytest.mark.parametrize("place", ["thread@g", "process@g"])
def test_members_that_wait_in_a_call_are_not_nested(place: str) -> None:
    with Supervisor() as tree:
        tree.add("plain", Plain(), "thread")
        tree.add("log", Awaits(), place)
        tree.add("suspends", Suspends(), place, outlets={"plain": "plain"})
        for target, expected in (("log", ["x"]), ("suspends", "x")):
            tree.add(f"front of {target}", Front(), place, outlets={"log": target})
            front = tree.client(f"front of {target}")
            front.call(["x"])
            deadline = time.monotonic() + 10
            while not (answers := front.call("answers")):
                assert time.monotonic() < deadline
            assert answers == [[0, expected]]


@pytest.mark.parametrize(
    ("place", "served"), [("inline", 1), ("thread@g", 1), ("process@g", 1), ("process@g+zmq", 1), ("coroutine", 0)]
)
def test_members_of_a_group_are_served_in_their_senders_call(place: str, served: int) -> None:
    """They share a thread for that; on the tree's own loop a deque lies between."""
    with Supervisor() as tree:
        tree.add("tick", Tick(), place)
        tree.add("beside", BesideTick(), place, outlets={"tick": "tick"})
        beside = tree.client("beside")
        assert beside.call(None) == served
        assert beside.call_many([None] * 3) == [served] * 3
