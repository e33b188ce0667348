"""Timers of a service: a command that comes to it later. Part of its state; they move along.

They run on the event loop of the service's host, or, for an inline service without one, on the host that reads for its
tree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any


class Timer:
    """A command that will come; `cancel` it from inside the service."""

    __slots__ = ("_handle", "_timers", "command", "due_s")

    def __init__(self, timers: Timers, due_s: float, command: Any) -> None:
        self._timers = timers
        self._handle: asyncio.TimerHandle | None = None
        self.due_s = due_s
        self.command = command

    def cancel(self) -> None:
        """The command will not come, unless it is queued already. Idempotent."""
        self._timers.drop(self)


class Timers:
    """The timers of one cell. `host` is where its loop is, `deliver` queues a command."""

    def __init__(self, host: Any, clock: Callable[[], float], deliver: Callable[[Any], None]) -> None:
        self._host = host
        self._clock = clock
        self._deliver = deliver
        self._live: set[Timer] = set()
        self._stopped = False

    def after(self, delay_s: float, command: Any) -> Timer:
        """Start a timer. Raises `ValueError` for a delay that is negative or not a number."""
        if not delay_s >= 0:
            raise ValueError(f"a timer's delay is {delay_s!r} s; it must be 0 or more")
        timer = Timer(self, self._clock() + delay_s, command)
        self._live.add(timer)
        self._host.soon(partial(self._arm, timer))
        return timer

    def adopt(self, timer: Timer) -> None:
        """Go on with a timer of a service that has come here as the same object, which may cancel it still."""
        timer._timers = self
        self._live.add(timer)
        self._host.soon(partial(self._arm, timer))

    def _arm(self, timer: Timer) -> None:
        if timer in self._live and not self._stopped:
            if timer._handle is not None:
                timer._handle.cancel()
            loop: asyncio.AbstractEventLoop = getattr(self._host, "reader", self._host).loop
            timer._handle = loop.call_later(max(0.0, timer.due_s - self._clock()), self._fire, timer)

    def _fire(self, timer: Timer) -> None:
        if timer in self._live and not self._stopped:  # it may be due in the very turn that stops it
            self._live.discard(timer)
            self._deliver(timer.command)

    def drop(self, timer: Timer) -> None:
        """Forget a timer."""
        self._live.discard(timer)
        if (handle := timer._handle) is not None:
            self._host.soon(handle.cancel)  # an inline service may be on another thread than the loop

    def left(self) -> list[list[Any]]:
        """[seconds left, command] of each, the next one first."""
        now = self._clock()
        return [[max(0.0, timer.due_s - now), timer.command] for timer in self.live()]

    def live(self) -> list[Timer]:
        """Those that have not come, the next one first."""
        return sorted(self._live, key=lambda timer: timer.due_s)

    def stop(self) -> None:
        """None of them comes, until `start`."""
        self._stopped = True
        for timer in self._live:
            if (handle := timer._handle) is not None:
                timer._handle = None
                self._host.soon(handle.cancel)

    def start(self) -> None:
        """Go on after `stop`."""
        self._stopped = False
        for timer in self._live:
            timer._timers = self
            self._host.soon(partial(self._arm, timer))
