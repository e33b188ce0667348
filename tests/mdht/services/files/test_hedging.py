"""Who is late is not waited for alone, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ipc.loops.virtual import run
from mdht.errors import MdhtError, NotDone
from mdht.services.files.hedging import Attempt, hedged


class Peers:
    """Peers that answer after so many seconds, or fail then (negative); each is late after one second."""

    def __init__(self, *after_s: float) -> None:
        self.after_s = after_s
        self.asked: list[tuple[int, float]] = []
        self.given_up: list[int] = []

    def attempts(self) -> Iterator[Attempt[int]]:
        for number, after_s in enumerate(self.after_s):
            began: list[float] = []

            async def ask(number: int = number, after_s: float = after_s, began: list[float] = began) -> int:
                now_s = asyncio.get_running_loop().time()
                began.append(now_s)
                self.asked.append((number, round(now_s - self.start_s, 3)))
                try:
                    await asyncio.sleep(abs(after_s))
                except asyncio.CancelledError:
                    self.given_up.append(number)
                    raise
                if after_s < 0:
                    raise NotDone(number)
                return number

            def left_s(began: list[float] = began) -> float:
                return 1.0 - (asyncio.get_running_loop().time() - began[0]) if began else 1.0

            yield Attempt(ask, left_s)

    def found(self) -> tuple[int, float]:
        async def main() -> tuple[int, float]:
            self.start_s = asyncio.get_running_loop().time()
            value = await hedged(self.attempts())
            return value, round(asyncio.get_running_loop().time() - self.start_s, 1)

        return run(main())


def test_who_is_in_time_is_the_only_one_asked() -> None:
    peers = Peers(0.9, 0.1)
    assert peers.found() == (0, 0.9)
    assert [number for number, _ in peers.asked] == [0]


def test_the_next_is_asked_besides_one_that_is_late() -> None:
    peers = Peers(100.0, 0.5)
    assert peers.found() == (1, 1.5)
    assert peers.given_up == [0]


def test_one_that_is_late_may_still_be_the_first() -> None:
    peers = Peers(1.2, 50.0)
    assert peers.found() == (0, 1.2)
    assert peers.given_up == [1]


def test_after_one_that_fails_the_next_is_asked_at_once() -> None:
    peers = Peers(-0.2, -0.2, 0.2)
    assert peers.found() == (2, 0.6)


def test_several_that_are_late() -> None:
    peers = Peers(100.0, 100.0, 100.0, 0.1)
    assert peers.found() == (3, 3.1)
    assert sorted(peers.given_up) == [0, 1, 2]


def test_the_last_one_is_waited_for_and_so_are_those_that_are_late() -> None:
    assert Peers(10.0, -0.1).found() == (0, 10.0)
    assert Peers(-0.1, 30.0).found() == (1, 30.1)


def test_where_nobody_has_it_the_last_one_says_why() -> None:
    with pytest.raises(MdhtError) as caught:
        Peers(-3.0, -0.1, -0.1).found()
    assert caught.value.args == (2,)


def test_what_is_no_answer_ends_it_at_once() -> None:
    async def broken() -> int:
        raise ValueError("a mistake")

    async def slow() -> int:
        await asyncio.sleep(100)
        return 1

    async def main() -> None:
        await hedged(iter([Attempt(slow, lambda: 0.0), Attempt(broken, lambda: 1.0)]))

    with pytest.raises(ValueError, match="a mistake"):
        run(main())
