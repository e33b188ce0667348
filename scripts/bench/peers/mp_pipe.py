"""`multiprocessing.Pipe` between two processes: one `send`, which pickles, a message."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from subject import PROCESSES, Ends


class ProcessPipe(Ends):
    name = "multiprocessing.Pipe"
    blocks_both_ways = True

    def start(self, payload: bytes) -> None:
        self.payload, self.sent = payload, 0
        self.ends, self.children = [], []
        to_echo, to_sink = self._end(echo), self._end(sink)
        self.send, self.receive, self.cast = to_echo.send, to_echo.recv, to_sink.send
        self.count = lambda: (to_sink.send(b"count"), to_sink.recv())[1]  # type: ignore[func-returns-value]

    def stop(self) -> None:
        for end in self.ends:
            end.close()
        for child in self.children:
            child.join(10)

    def _end(self, target: Any) -> Connection:
        here, there = PROCESSES.Pipe()
        self.ends.append(here)
        with there:
            child = PROCESSES.Process(target=target, args=(there,), daemon=True)
            child.start()
            self.children.append(child)
        return here


def echo(end: Connection) -> None:
    try:
        while True:
            end.send(end.recv())
    except EOFError:
        pass


def sink(end: Connection) -> None:
    received = 0
    try:
        while True:
            if end.recv() == b"count":
                end.send(received)
            else:
                received += 1
    except EOFError:
        pass
