"""Timers of a service: a command that comes to it later. Part of its state; they move along.

They run on the event loop of the service's host, or, for an inline service without one, on the host that reads for its
tree. The loop is asked for the earliest one only: most timers are deadlines, which are cancelled before they come, so
that one costs a heap entry and no timer of the loop. A cancelled entry stays in the heap until it is due, or until
more than half of the heap is such.

A `Timer` is only a number, so that it can be sent with the state that holds it. Numbers begin at random in each
process, and keep when their timer moves to another one.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from operator import itemgetter
from typing import Any

from .limits import TIMERS_SLACK
from .sendable import sendable


def _from_random() -> Iterator[int]:
    return itertools.count(int.from_bytes(os.urandom(7), "big") << 6)  # what is sent has 64 bits


def _renumber() -> None:
    global _numbers
    _numbers = _from_random()


_numbers = _from_random()
_owners: dict[int, Timers] = {}
"""Whose each timer is, of those that are to come in this process."""

os.register_at_fork(after_in_child=_renumber)


@sendable("ipc.timer")
@dataclass(frozen=True, slots=True)
class Timer:
    """A command that will come; `cancel` it from inside its service. It may be kept in the state, and moves with it."""

    number: int

    def cancel(self) -> None:
        """The command will not come, unless it is queued already. Idempotent; any thread, never blocks."""
        if (owner := _owners.get(self.number)) is not None:
            owner.drop(self.number)


class Timers:
    """The timers of one cell. `host` is where its loop is, `deliver` queues a command. Thread-safe."""

    __slots__ = ("_armed_s", "_clock", "_deliver", "_handle", "_heap", "_host", "_live", "_lock", "_stopped")

    def __init__(self, host: Any, clock: Callable[[], float], deliver: Callable[[Any], None]) -> None:
        self._host = host
        self._clock = clock
        self._deliver = deliver
        self._lock = threading.Lock()
        self._live: dict[int, tuple[float, Any]] = {}
        self._heap: list[tuple[float, int]] = []
        self._handle: asyncio.TimerHandle | None = None
        self._armed_s = math.inf
        self._stopped = False

    def after(self, delay_s: float, command: Any) -> Timer:
        """Start a timer. Raises `ValueError` for a delay that is negative or not a number."""
        if not delay_s >= 0:
            raise ValueError(f"a timer's delay is {delay_s!r} s; it must be 0 or more")
        number = next(_numbers)
        self._add(number, self._clock() + delay_s, command)
        return Timer(number)

    def adopt(self, number: int, left_s: float, command: Any) -> None:
        """Go on with a timer of a service that has come here; it comes in so many seconds."""
        self._add(number, self._clock() + left_s, command)

    def _add(self, number: int, due_s: float, command: Any) -> None:
        with self._lock:
            self._live[number] = (due_s, command)
            heap = self._heap
            if len(heap) > 2 * len(self._live) + TIMERS_SLACK:
                heap[:] = [(due, known) for known, (due, _) in self._live.items()]
                heapify(heap)
            else:
                heappush(heap, (due_s, number))
            sooner = due_s < self._armed_s
            if sooner:
                self._armed_s = due_s
        _owners[number] = self
        if sooner and not self._stopped:
            self._look()

    def _look(self) -> None:
        """The earliest timer has changed: tell the loop."""
        host = self._host
        if getattr(host, "reader", None) is None and host.is_current():
            self._arm()
        else:
            host.soon(self._arm)  # an inline service may be on another thread than the loop

    def _arm(self) -> None:
        """On the loop's thread."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        with self._lock:
            heap, live = self._heap, self._live
            while heap and heap[0][1] not in live:
                heappop(heap)
            self._armed_s = due_s = heap[0][0] if heap and not self._stopped else math.inf
        if due_s < math.inf:
            loop: asyncio.AbstractEventLoop = getattr(self._host, "reader", self._host).loop
            self._handle = loop.call_later(max(0.0, due_s - self._clock()), self._fire, due_s)

    def _fire(self, armed_s: float) -> None:
        now = max(armed_s, self._clock())  # a loop that counts in milliseconds may be early
        self._handle = None
        while (command := self._next(now)) is not _NONE:
            self._deliver(command)
        self._arm()

    def _next(self, now: float) -> Any:
        with self._lock:
            heap = self._heap
            while heap and not self._stopped and heap[0][0] <= now:  # it may be due in the very turn that stops it
                _, number = heappop(heap)
                if (entry := self._live.pop(number, None)) is not None:
                    _owners.pop(number, None)
                    return entry[1]
        return _NONE

    def drop(self, number: int) -> None:
        """Forget a timer."""
        with self._lock:
            self._live.pop(number, None)
        _owners.pop(number, None)

    def left(self) -> list[list[Any]]:
        """[number, seconds left, command] of each, the next one first: for `adopt`."""
        now = self._clock()
        with self._lock:
            live = sorted(
                ((due_s, number, command) for number, (due_s, command) in self._live.items()), key=itemgetter(0, 1)
            )
        return [[number, max(0.0, due_s - now), command] for due_s, number, command in live]

    def stop(self) -> None:
        """None of them comes, until `start`."""
        self._stopped = True
        for number in list(self._live):
            if _owners.get(number) is self:
                _owners.pop(number, None)
        if self._armed_s < math.inf:
            self._host.soon(self._arm)

    def start(self) -> None:
        """Go on after `stop`."""
        self._stopped = False
        for number in list(self._live):
            _owners[number] = self
        if self._live:
            self._host.soon(self._arm)


_NONE: Any = object()
