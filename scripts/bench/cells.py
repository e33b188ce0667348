"""The cells of ipc: every legal spawner and channel as a subject, and `future` as one of its own."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from asking import Asking
from subject import IN_FLIGHT_64, WAIT_S


class Cell(Asking):
    """One placement: an `Echo` that is called, and a `Sink` that is cast to."""

    def __init__(self, placement: str) -> None:
        spawner = placement.partition("+")[0]
        self.placement = self.name = placement
        self.between = {"process": "processes", "thread": "threads"}.get(spawner, "nothing")

    def start(self, payload: bytes) -> None:
        from echo_service import Echo, Sink
        from ipc import launch

        self.payload, self.sent = payload, 0
        self.stack = ExitStack()
        self.echo = self.stack.enter_context(launch(Echo(), self.placement))
        self.sink = self.stack.enter_context(launch(Sink(), self.placement))
        self.tell = self.sink.cast

    def count(self) -> int:
        return self.sink.call(b"count", timeout=WAIT_S)

    def ask(self, message: bytes) -> Any:
        return self.echo.call(message, timeout=WAIT_S)

    def ask_all(self, messages: list[bytes]) -> list[Any]:
        return self.echo.call_many(messages, timeout=WAIT_S)

    def stop(self) -> None:
        if stack := getattr(self, "stack", None):
            stack.close()


class FutureCell(Cell):
    """The same, with a `concurrent.futures.Future` a command in place of `call_many`."""

    modes = (IN_FLIGHT_64,)

    def __init__(self, placement: str) -> None:
        super().__init__(placement)
        self.name = f"{placement} future"

    def ask_all(self, messages: list[bytes]) -> list[Any]:
        submit = self.echo.future
        return [future.result(WAIT_S) for future in [submit(message) for message in messages]]


def cells() -> list[Cell]:
    """Every legal pair in the order of `ipc.placement`, then the futures."""
    from ipc.placement import all_pairs

    return [*(Cell(pair) for pair in all_pairs()), FutureCell("process+pipe")]
