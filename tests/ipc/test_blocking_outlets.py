"""A blocking service parks the thread of its own event loop: what comes for it meanwhile must be read all the same."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ipc import Answer, Service, Supervisor

from .services import Echo


class Asker(Service):
    """Waits for one answer while it has asked for another."""

    blocking = True

    def call(self, command: Any) -> Any:
        if isinstance(command, Answer):
            return None
        self.outlets.echo.request(command, "tag")
        return self.outlets.echo.call(command, timeout=5.0)


@pytest.mark.parametrize("target", ["thread", "thread+pipe", "process", "process+zmq"])
@pytest.mark.parametrize("placement", ["thread", "process"])
def test_a_call_beside_an_open_request_is_answered(placement: str, target: str) -> None:
    with Supervisor() as tree:
        tree.add("echo", Echo(), target)
        tree.add("asker", Asker(), placement, outlets={"echo": "echo"})
        asker = tree.client("asker")
        assert [asker.call(number, timeout=10.0) for number in range(5)] == [0, 1, 2, 3, 4]


class Caller(Service):
    """Waits for another service in its own thread."""

    blocking = True

    def call(self, command: int) -> Any:
        return self.outlets.echo.call(command, timeout=5.0)


PLACES = ["thread", "thread+pipe", "thread+zmq", "process", "process+zmq"]


@pytest.mark.parametrize("placement", PLACES)
def test_a_service_that_is_waited_for_can_be_moved(placement: str) -> None:
    with Supervisor() as tree:
        tree.add("echo", Echo(), "process")
        tree.add("caller", Caller(), placement, outlets={"echo": "echo"})
        caller = tree.client("caller")
        stop = threading.Event()
        wrong: list[Any] = []

        def call() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    if caller.call(number, timeout=4.0) != number:
                        wrong.append(number)
                except Exception as error:
                    wrong.append(error)

        callers = [threading.Thread(target=call) for _ in range(3)]
        for thread in callers:
            thread.start()
        for placement in ("thread+pipe", "process+zmq", "inline", "process"):
            tree.move("echo", placement, timeout=8.0)
        stop.set()
        for thread in callers:
            thread.join(10.0)
        assert not wrong


class Sleeper(Service):
    """Blocks its thread until another service tells it to go on."""

    blocking = True

    def call(self, command: Any) -> Any:
        return self.outlets.gate.call(command, timeout=20.0) if command == "block" else command


class Gate(Service):
    """Answers a command when the next one comes."""

    def start(self) -> None:
        self.waiting: list[Any] = []

    def call(self, command: Any) -> Any:
        if command == "waiting":
            return len(self.waiting)
        if command != "open":
            self.waiting.append(self.later())
            return None
        for token in self.waiting:
            self.reply(token, "opened")
        self.waiting.clear()
        return None


def asleep(tree: Supervisor) -> Any:
    """The future of a service that blocks until `gate` is opened."""
    future = tree.client("sleeper").future("block")
    gate = tree.client("gate")
    while not gate.call("waiting"):
        pass
    return future


@pytest.mark.parametrize("placement", PLACES)
def test_what_is_asked_of_the_tree_does_not_wait_for_a_running_call(placement: str) -> None:
    with Supervisor() as tree:
        tree.add("gate", Gate(), "thread")
        tree.add("sleeper", Sleeper(), placement, outlets={"gate": "gate"})
        blocked = asleep(tree)
        other = tree.client("sleeper")
        queued = other.future("queued")
        tree.add("user", Caller(), "thread", outlets={"echo": "sleeper"})
        tree.move("gate", "coroutine")
        assert tree.stats()["sleeper"].calls == 0
        assert not blocked.done() and not queued.done()
        other.close()
        tree.client("gate").call("open")
        assert blocked.result(10.0) == "opened"
        assert tree.client("user").call("asked", timeout=10.0) == "asked"


@pytest.mark.parametrize("placement", ["thread", "process"])
def test_a_tree_closes_while_a_blocking_service_waits_for_another(placement: str) -> None:
    with Supervisor() as tree:
        tree.add("gate", Gate(), "thread")
        tree.add("sleeper", Sleeper(), placement, outlets={"gate": "gate"})
        blocked = asleep(tree)
        tree.close(0.5)
    assert blocked.exception(10.0) is not None
