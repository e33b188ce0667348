"""Two `multiprocessing.Queue`s between two processes."""

from __future__ import annotations

from typing import Any

from subject import PROCESSES, WAIT_S, Ends


class ProcessQueue(Ends):
    name = "multiprocessing.Queue"

    def start(self, payload: bytes) -> None:
        self.payload, self.sent = payload, 0
        self.queues, self.children = [], []
        self.send, answers = self._end(echo)
        self.receive = lambda: answers.get(timeout=WAIT_S)
        self.cast, counts = self._end(sink)
        self.count = lambda: (self.cast(b"count"), counts.get(timeout=WAIT_S))[1]

    def stop(self) -> None:
        for child in self.children:
            child.terminate()
            child.join(10)
        for queue in self.queues:
            queue.cancel_join_thread()
            queue.close()

    def _end(self, target: Any) -> tuple[Any, Any]:
        requests, answers = PROCESSES.Queue(), PROCESSES.Queue()
        self.queues += [requests, answers]
        child = PROCESSES.Process(target=target, args=(requests, answers), daemon=True)
        child.start()
        self.children.append(child)
        return requests.put, answers


def echo(requests: Any, answers: Any) -> None:
    while True:
        answers.put(requests.get())


def sink(requests: Any, answers: Any) -> None:
    received = 0
    while True:
        if requests.get() == b"count":
            answers.put(received)
        else:
            received += 1
