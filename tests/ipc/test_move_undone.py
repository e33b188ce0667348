"""A move that fails half-way, or that the end of its tree overtakes, leaves everything where it belongs."""

from __future__ import annotations

import threading
import time
from typing import ClassVar

import pytest

from ipc import Closed, Service, launch


class Fussy(Service):
    """Its fourth `open` in this process fails: of two shards that move, that of the second."""

    opens: ClassVar[int] = 0
    shard_key = staticmethod(lambda command: command)

    def open(self) -> None:
        Fussy.opens += 1
        if Fussy.opens == 4:
            raise OSError("not here")

    def start(self) -> None:
        self.calls = 0

    def call(self, command: int) -> tuple[int, str]:
        self.calls += 1
        return self.calls, threading.current_thread().name


@pytest.mark.parametrize(
    ("before", "after"), [("thread:2", "coroutine:2"), ("inline:2", "thread:2"), ("thread:2", "inline:2")]
)
def test_shards_that_had_moved_come_back_when_another_cannot(before: str, after: str) -> None:
    Fussy.opens = 0
    with launch(Fussy(), before) as fussy:
        first = [fussy.call(key, timeout=5.0) for key in range(6)]
        with pytest.raises(OSError, match="not here"):
            fussy.move(after)
        again = [fussy.call(key, timeout=5.0) for key in range(6)]
        assert [where for _, where in again] == [where for _, where in first]
        assert sum(count for count, _ in again) > sum(count for count, _ in first)
        assert fussy.stats().calls == 12


class Opened(Service):
    """Counts how often it is opened without being closed."""

    open_now: ClassVar[int] = 0

    def __init__(self, held: object) -> None:
        self.held = held

    def open(self) -> None:
        Opened.open_now += 1

    def close(self) -> None:
        Opened.open_now -= 1

    def call(self, command: int) -> int:
        return Opened.open_now


class Importable(Opened):
    """One that may be placed in a process, if its state could be sent."""


def test_a_service_whose_state_cannot_be_sent_is_not_opened_twice() -> None:
    Opened.open_now = 0
    with launch(Importable(threading.Lock()), "thread") as service:
        with pytest.raises(TypeError, match="held"):
            service.move("process")
        assert service.call(0) == 1
    assert Opened.open_now == 0


@pytest.mark.parametrize("delay_s", [0.0, 0.005, 0.02, 0.05])
def test_a_tree_that_is_closed_while_a_service_moves_leaves_nothing_open(delay_s: float) -> None:
    Opened.open_now = 0
    service = launch(Opened(None), "inline")
    raised: list[BaseException] = []

    def move() -> None:
        try:
            while True:
                service.move("thread")
                service.move("coroutine")
        except BaseException as error:
            raised.append(error)

    mover = threading.Thread(target=move)
    mover.start()
    time.sleep(delay_s)
    service.close()
    mover.join(10.0)
    assert not mover.is_alive()
    assert [type(error) for error in raised] == [Closed]
    assert Opened.open_now == 0
