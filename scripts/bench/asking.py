"""The loops of a subject that is asked: a message and its answer belong together, as a call or a future."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from subject import WINDOW, Subject


class Asking(Subject):
    """A subject with four verbs: `tell`, `count`, `ask`, and `ask_all`, which asks for the payload 64 times at once."""

    sent = 0

    def tell(self, message: bytes) -> Any:
        raise NotImplementedError

    def count(self) -> int:
        raise NotImplementedError

    def ask(self, message: bytes) -> Any:
        raise NotImplementedError

    def ask_all(self, messages: list[bytes]) -> list[Any]:
        raise NotImplementedError

    def one_way(self, n: int) -> None:
        tell, payload = self.tell, self.payload
        for _ in range(n):
            tell(payload)
        self.sent += n
        self.check_count(self.count(), self.sent)

    def one_in_flight(self, n: int) -> list[float]:
        ask, payload, size = self.ask, self.payload, len(self.payload)
        latencies = []
        for _ in range(n):
            begun = perf_counter()
            answer = ask(payload)
            latencies.append(perf_counter() - begun)
            if len(answer) != size:
                self.check(answer)
        return latencies

    def in_flight_64(self, n: int) -> None:
        ask_all, messages, size = self.ask_all, [self.payload] * WINDOW, len(self.payload)
        for _ in range(n // WINDOW):
            for answer in ask_all(messages):
                if len(answer) != size:
                    self.check(answer)
