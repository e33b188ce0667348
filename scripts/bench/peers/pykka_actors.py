"""Two pykka actors, each in a thread: the object itself crosses."""

from __future__ import annotations

from typing import Any

import pykka

from asking import Asking
from subject import WAIT_S


class PykkaActor(Asking):
    name = "pykka"
    between = "threads"

    def start(self, payload: bytes) -> None:
        self.payload, self.sent = payload, 0
        self.echo, self.sink = Echo.start(), Sink.start()
        self.tell = self.sink.tell
        self.count = lambda: self.sink.ask(b"count", timeout=WAIT_S)

    def ask(self, message: bytes) -> Any:
        return self.echo.ask(message, timeout=WAIT_S)

    def ask_all(self, messages: list[bytes]) -> list[Any]:
        ask = self.echo.ask
        return [future.get(timeout=WAIT_S) for future in [ask(message, block=False) for message in messages]]

    def stop(self) -> None:
        pykka.ActorRegistry.stop_all(timeout=10)


class Echo(pykka.ThreadingActor):
    def on_receive(self, message: Any) -> Any:
        return message


class Sink(pykka.ThreadingActor):
    received = 0

    def on_receive(self, message: Any) -> int | None:
        if message == b"count":
            return self.received
        self.received += 1
        return None
