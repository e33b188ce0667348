"""A service that stands still while commands wait is found: its process is killed and it starts anew, or it is told."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from typing import Any

import pytest

from ipc import Service, ServiceDied, Supervisor

WATCHDOG_S = 0.3


class Stuck(Service):
    """Stands still where it is told to."""

    def call(self, command: Any) -> Any:
        if command == "stand still":
            threading.Event().wait(20.0)
        if command == "stop the loop":
            self.loop.call_soon(time.sleep, 20.0)
        if isinstance(command, float):
            time.sleep(command)
        return os.getpid()


class StuckBlocking(Stuck):
    blocking = True


class StuckAwaiting(Service):
    """Waits for what never comes, one command at a time."""

    async def call(self, command: Any) -> Any:
        if command == "stand still":
            await asyncio.get_running_loop().create_future()
        return os.getpid()


@pytest.mark.parametrize("make", [Stuck, StuckBlocking, StuckAwaiting])
@pytest.mark.parametrize("placement", ["process+pipe", "process+zmq"])
def test_a_process_that_stands_still_is_killed_and_starts_anew(make: type[Service], placement: str) -> None:
    with Supervisor() as tree:
        tree.add("stuck", make(), placement, watchdog_s=WATCHDOG_S)
        client = tree.client("stuck")
        first = client.call("where")
        running, waiting = client.future("stand still"), client.future("where")
        with pytest.raises(ServiceDied, match="no progress"):
            running.result(10.0)
        assert isinstance(waiting.exception(10.0), ServiceDied) or waiting.result() != first
        assert client.call("where") != first
        numbers = client.stats()
        assert (numbers.hangs, numbers.restarts) == (1, 1)
        assert "no progress" in numbers.last_error and "signal 9" in numbers.last_error


def test_a_process_whose_loop_stands_still_is_killed() -> None:
    with Supervisor() as tree:
        tree.add("stuck", Stuck(), "process", watchdog_s=WATCHDOG_S)
        client = tree.client("stuck")
        client.call("stop the loop")
        with pytest.raises(ServiceDied):
            while True:
                client.call("where", timeout=10.0)
        assert client.stats().hangs == 1


@pytest.mark.parametrize("placement", ["thread", "coroutine", "inline"])
def test_elsewhere_it_is_told_once(placement: str, caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()

    class Waits(Service):
        def call(self, command: Any) -> Any:
            return gate.wait(20.0)

    with Supervisor() as tree, caplog.at_level(logging.ERROR, logger="ipc"):
        tree.add("waits", Waits(), placement, watchdog_s=WATCHDOG_S)
        client = tree.client("waits")
        caller = threading.Thread(target=lambda: client.call(1, timeout=20.0))
        caller.start()
        if placement != "coroutine":  # whose loop is the one that looks
            while not caplog.records:
                time.sleep(0.01)
            assert "hangs: no progress" in caplog.text and "cannot be ended" in caplog.text
            assert f"({tree.placement('waits')}): place it in a process" in caplog.text
        gate.set()
        caller.join(20.0)
        numbers = client.stats()
        assert (numbers.restarts, numbers.last_error) == (0, "")
        assert ("no progress" in numbers.last_hang) == bool(numbers.hangs)
        assert numbers.hangs == (0 if placement == "coroutine" else 1)
        assert len(caplog.records) == numbers.hangs


@pytest.mark.parametrize("placement", ["thread", "process"])
def test_who_makes_progress_is_left_alone(placement: str) -> None:
    with Supervisor() as tree:
        tree.add("busy", Stuck(), placement, watchdog_s=WATCHDOG_S)
        client = tree.client("busy")
        first = client.call("where")
        futures = [client.future(WATCHDOG_S / 4) for _ in range(12)]  # many, none of them long
        assert {future.result(20.0) for future in futures} == {first}
        time.sleep(2 * WATCHDOG_S)  # idle: nothing is to be seen, and nothing is wrong
        numbers = client.stats()
        assert (numbers.hangs, numbers.restarts, numbers.last_error) == (0, 0, "")


def test_a_move_may_take_its_time() -> None:
    with Supervisor() as tree:
        tree.add("busy", Stuck(), "process", watchdog_s=WATCHDOG_S)
        client = tree.client("busy")
        futures = [client.future(WATCHDOG_S / 2) for _ in range(6)]
        tree.move("busy", "thread")
        tree.move("busy", "process+zmq")
        assert len([future.result(20.0) for future in futures]) == 6
        assert client.stats().hangs == 0


@pytest.mark.parametrize("placement", ["inline", "thread@many", "process@many"])
def test_many_that_are_looked_at_in_one_turn_are_left_alone(placement: str) -> None:
    """Each look asks the loop whether it turns; those of one turn ask before it could."""
    with Supervisor() as tree:
        for number in range(6):
            tree.add(f"{number}", Stuck(), placement, watchdog_s=WATCHDOG_S)
        time.sleep(5 * WATCHDOG_S)  # idle: nothing is wrong
        assert {one.hangs for one in tree.stats().values()} == {0}
