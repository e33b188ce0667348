"""Two `queue.Queue`s between two threads of one process: the object itself crosses."""

from __future__ import annotations

from queue import Queue
from threading import Thread
from typing import Any

from subject import WAIT_S, Ends


class ThreadQueue(Ends):
    name = "queue.Queue"
    between = "threads"

    def start(self, payload: bytes) -> None:
        self.payload, self.sent = payload, 0
        self.threads: list[tuple[Queue[Any], Thread]] = []
        self.send, answers = self._end(echo)
        self.receive = lambda: answers.get(timeout=WAIT_S)
        self.cast, counts = self._end(sink)
        self.count = lambda: (self.cast(b"count"), counts.get(timeout=WAIT_S))[1]

    def stop(self) -> None:
        for requests, thread in self.threads:
            requests.put(None)
            thread.join(10)

    def _end(self, target: Any) -> tuple[Any, Queue[Any]]:
        requests: Queue[Any] = Queue()
        answers: Queue[Any] = Queue()
        thread = Thread(target=target, args=(requests, answers), daemon=True)
        thread.start()
        self.threads.append((requests, thread))
        return requests.put, answers


def echo(requests: Queue[Any], answers: Queue[Any]) -> None:
    while (message := requests.get()) is not None:
        answers.put(message)


def sink(requests: Queue[Any], answers: Queue[Any]) -> None:
    received = 0
    while (message := requests.get()) is not None:
        if message == b"count":
            answers.put(received)
        else:
            received += 1
