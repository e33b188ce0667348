"""What is measured: one way to reach something that counts, or echoes, what it is sent.

A subject is started with its payload, asked to run each of its modes for n messages, and stopped. Every mode returns
only when the other side has unpacked and looked at all n messages, so wall time and CPU time cover both sides.
"""

from __future__ import annotations

import multiprocessing
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, ClassVar

import psutil

ONE_WAY, ONE_IN_FLIGHT, IN_FLIGHT_64 = MODES = ("one_way", "one_in_flight", "in_flight_64")
WINDOW = 64
WAIT_S = 60.0
BESIDE_BYTES = 32 << 10
"""A window larger than this is sent by a thread of its own, where both directions block: the echo fills the buffers."""

PROCESSES = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")


class Subject(ABC):
    """One row of the tables. `between` says what lies between the two sides: `processes`, `threads` or `nothing`."""

    name: ClassVar[str] | str
    between: ClassVar[str] | str = "processes"
    modes: ClassVar[tuple[str, ...]] | tuple[str, ...] = MODES
    payload: bytes

    @abstractmethod
    def start(self, payload: bytes) -> None:
        """Bring up the other side; every message will be `payload`."""

    @abstractmethod
    def one_way(self, n: int) -> None:
        """Send n messages that want no answer, then wait until the other side says that it has them all."""

    @abstractmethod
    def one_in_flight(self, n: int) -> list[float]:
        """Make n round trips, each after the one before; returns the seconds that each took."""

    @abstractmethod
    def in_flight_64(self, n: int) -> None:
        """Make n round trips (a multiple of 64) in windows of 64: all are sent, then all are answered."""

    @abstractmethod
    def stop(self) -> None:
        """End the other side, leaving nothing behind. Also called when `start` failed half-way."""

    def pids(self) -> list[int]:
        """The processes whose CPU time counts besides this one: by default all that descend from it."""
        return [child.pid for child in psutil.Process().children(recursive=True)]

    def check(self, answer: Any) -> None:
        """Touch an answer: raises `ValueError` where it is not the payload's length."""
        if len(answer) != len(self.payload):
            raise ValueError(f"{self.name}: an answer of {len(answer)} bytes to a payload of {len(self.payload)}")

    def check_count(self, received: int, sent: int) -> None:
        """Raises `ValueError` where the other side has not received just what was sent."""
        if received != sent:
            raise ValueError(f"{self.name}: {received} messages received of {sent}")


class Ends(Subject):
    """A subject that is two plain ends: whatever is sent is echoed to `receive`, whatever is cast is counted.

    `start` sets the four callables; they are called without anything between, so the loops here cost the same for all.
    """

    send: Callable[[bytes], Any]
    receive: Callable[[], bytes]
    cast: Callable[[bytes], Any]
    count: Callable[[], int]
    blocks_both_ways = False
    sent = 0

    def one_way(self, n: int) -> None:
        cast, payload = self.cast, self.payload
        for _ in range(n):
            cast(payload)
        self.sent += n
        self.check_count(self.count(), self.sent)

    def one_in_flight(self, n: int) -> list[float]:
        send, receive, payload, size = self.send, self.receive, self.payload, len(self.payload)
        latencies = []
        for _ in range(n):
            begun = perf_counter()
            send(payload)
            answer = receive()
            latencies.append(perf_counter() - begun)
            if len(answer) != size:
                self.check(answer)
        return latencies

    def in_flight_64(self, n: int) -> None:
        if self.blocks_both_ways and len(self.payload) * WINDOW > BESIDE_BYTES:
            with ThreadPoolExecutor(1) as beside:
                self._windows(n // WINDOW, beside)
        else:
            self._windows(n // WINDOW, None)

    def _windows(self, windows: int, beside: ThreadPoolExecutor | None) -> None:
        receive, size = self.receive, len(self.payload)
        for _ in range(windows):
            sending = beside.submit(self._send_window) if beside else self._send_window()
            for _ in range(WINDOW):
                if len(answer := receive()) != size:
                    self.check(answer)
            if sending:
                sending.result()

    def _send_window(self) -> None:
        send, payload = self.send, self.payload
        for _ in range(WINDOW):
            send(payload)
