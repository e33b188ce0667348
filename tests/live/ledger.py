"""A service that knows what every sender has sent, and refuses what comes twice or out of order."""

from __future__ import annotations

from typing import Any

from ipc import Service


class Ledger(Service):
    """Commands are (sender, number); answers the number. `counts` gives how many of each sender."""

    def start(self) -> None:
        self.next: dict[int, int] = {}

    def call(self, command: Any) -> Any:
        if command == "counts":
            return dict(self.next)
        sender, number = command
        expected = self.next.get(sender, 0)
        if number != expected:
            raise ValueError(f"sender {sender} sent {number}, and {expected} was next")
        self.next[sender] = number + 1
        return number
