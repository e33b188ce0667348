"""Two Thespian actors in processes over its TCP transport, which passes 64 in flight (its queue transport hangs)."""

from __future__ import annotations

import multiprocessing
import time
from typing import Any

from thespian.actors import Actor, ActorSystem

from asking import Asking
from subject import WAIT_S


class ThespianActor(Asking):
    name = "Thespian"

    def start(self, payload: bytes) -> None:
        self.payload, self.sent = payload, 0
        self.system = ActorSystem("multiprocTCPBase", {"Process Startup Method": "spawn"}, transientUnique=True)
        self.echo, self.sink = self.system.createActor(Echo), self.system.createActor(Sink)

    def tell(self, message: bytes) -> None:
        self.system.tell(self.sink, message)

    def count(self) -> int:
        deadline = time.monotonic() + WAIT_S
        while True:
            received = self.system.ask(self.sink, b"count", WAIT_S)
            if received == self.sent or time.monotonic() > deadline:
                return received

    def ask(self, message: bytes) -> Any:
        return self.system.ask(self.echo, message, WAIT_S)

    def ask_all(self, messages: list[bytes]) -> list[Any]:
        for message in messages:
            self.system.tell(self.echo, message)
        return [self.system.listen(WAIT_S) for _ in messages]

    def stop(self) -> None:
        self.system.shutdown()
        multiprocessing.active_children()  # reaps what has ended, so it is not listed as ours next time


class Echo(Actor):
    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, bytes):
            self.send(sender, message)


class Sink(Actor):
    received = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if message == b"count":
            self.send(sender, self.received)
        elif isinstance(message, bytes):
            self.received += 1
