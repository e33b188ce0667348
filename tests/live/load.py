"""Threads that call a client for as long as it takes, and write down how each call ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from ipc import Client


@dataclass(slots=True)
class Call:
    """One call: when it began and ended (monotonic seconds), and its answer or error."""

    began: float
    ended: float = 0.0
    value: Any = None
    error: BaseException | None = None


@dataclass
class Load:
    """`with Load(client, threads, command) as load`: each thread calls `command(thread, number)` all the time."""

    client: Client
    threads: int
    command: Callable[[int, int], Any]
    timeout_s: float = 10.0
    calls: list[list[Call]] = field(default_factory=list)
    until_error: type[BaseException] | None = None

    def __enter__(self) -> Load:
        self._stop = threading.Event()
        self.calls = [[] for _ in range(self.threads)]
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"load-{number}") for number in range(self.threads)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def _run(self, thread: int) -> None:
        mine, number = self.calls[thread], 0
        while not self._stop.is_set():
            call = Call(time.monotonic())
            mine.append(call)
            number += 1
            try:
                call.value = self.client.call(self.command(thread, number), self.timeout_s)
            except BaseException as error:
                call.error = error
            call.ended = time.monotonic()
            if self.until_error is not None and isinstance(call.error, self.until_error):
                return

    def all(self) -> list[Call]:
        """Every call of every thread."""
        return [call for calls in self.calls for call in calls]

    def join(self, within_s: float) -> None:
        """Every thread ends by itself (see `until_error`)."""
        deadline = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        hung = [thread.name for thread in self._threads if thread.is_alive()]
        assert not hung, f"still in a call after {within_s:g} s: {hung}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self.join(self.timeout_s + 5.0)
