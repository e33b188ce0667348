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


def test_a_service_that_is_waited_for_can_be_moved() -> None:
    with Supervisor() as tree:
        tree.add("echo", Echo(), "process")
        tree.add("caller", Caller(), "thread", outlets={"echo": "echo"})
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
