"""Timers stay the service's own when it moves: they come once, and may be cancelled at the new place."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ipc import Service, launch
from ipc.timers import Timer


class Alarm(Service):
    """Keeps its last timer, and what has come."""

    last: Timer

    def start(self) -> None:
        self.came: list[int] = []

    def call(self, command: tuple[str, float, int]) -> Any:
        what, delay_s, number = command
        if what == "set":
            self.last = self.after(delay_s, ("came", 0.0, number))
        elif what == "let":
            self.after(delay_s, ("came", 0.0, number))
        elif what == "cancel":
            self.last.cancel()
        elif what == "came":
            self.came.append(number)
        return self.came


PAIRS = [("inline", "thread"), ("thread", "inline"), ("thread", "coroutine"), ("coroutine", "inline")]
APART = [("inline", "process"), ("process", "thread"), ("process", "process+zmq"), ("process", "inline")]


@pytest.mark.parametrize(("before", "after"), PAIRS + APART)
def test_a_timer_that_moved_with_its_service_can_be_cancelled(before: str, after: str) -> None:
    with launch(Alarm(), before) as alarm:
        alarm.call(("set", 0.3, 1))
        alarm.call(("let", 0.3, 2))
        alarm.move(after)
        alarm.call(("cancel", 0.0, 0))
        time.sleep(0.5)
        assert alarm.call(("look", 0.0, 0)) == [2]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_timer_that_is_due_while_its_service_moves_comes_once(before: str, after: str) -> None:
    with launch(Alarm(), before) as alarm:
        for number in range(100):
            alarm.call(("let", 0.0005 * (number % 8), number))
            alarm.move(after if number % 2 == 0 else before)
        time.sleep(0.2)
        assert sorted(alarm.call(("look", 0.0, 0))) == list(range(100))


@pytest.mark.parametrize("placement", ["inline", "coroutine", "thread", "process"])
def test_cancelled_timers_do_not_pile_up(placement: str) -> None:
    with launch(Alarms(), placement) as alarms:
        assert alarms.call(10_000) < 200
        assert alarms.call(10_000) < 200


class Alarms(Service):
    """Starts and cancels timers; answers how many of them it still has."""

    def call(self, command: int) -> int:
        for _ in range(command):
            timer = self.after(600.0, None)
            timer.cancel()
            timer.cancel()
        return len(self._ipc_placed().timers._heap)


def test_what_is_due_first_comes_first() -> None:
    with launch(Alarm(), "thread") as alarm:
        for number in (3, 1, 2):
            alarm.call(("let", 0.02 * number, number))
        while len(came := alarm.call(("look", 0.0, 0))) < 3:
            time.sleep(0.01)
        assert came == [1, 2, 3]
