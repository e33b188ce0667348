"""The two services that are measured; a child process finds them by this module's name."""

from __future__ import annotations

from typing import Any

from ipc import Service


class Echo(Service):
    """Answers every command with itself."""

    def call(self, command: Any) -> Any:
        return command


class Sink(Service):
    """Counts commands and answers nothing; the command `b"count"` is answered with the number of all others."""

    def start(self) -> None:
        self.received = 0

    def call(self, command: Any) -> int | None:
        if command == b"count":
            return self.received
        self.received += 1
        return None
