"""Asking a service that may die over the question: what comes to the same when it is asked twice is asked again.

A service in a process of its own may be killed (by a fault, the kernel, an operator); its supervisor starts it again at
once. Whoever waited gets `ServiceDied`, since nobody knows how far it had come. Here that is where it is asked again,
within the same deadline.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final

from ipc import ServiceDied

from .commands import DoPut

DEATHS: Final = 8
"""Times that a service may die over one question: more, and it may well be the question that kills it."""


def may_repeat(command: Any) -> bool:
    """Whether it comes to the same when it is asked twice: all but a compare-and-set, whose answer would be wrong."""
    return type(command) is not DoPut or command.expect is None


def unsure(error: ServiceDied, command: Any) -> ServiceDied:
    """What is told of a command that is not repeated."""
    reason = f"{error.reason}; the put may have been done: get the record before it is put again"
    return ServiceDied(error.service, reason, error.exit_code) if type(command) is DoPut else error


class Again:
    """Counts the deaths over one command. `timeout_s`: from now on, all tries together."""

    def __init__(self, command: Any, timeout_s: float) -> None:
        self._command = command
        self._until_s = time.monotonic() + timeout_s
        self._deaths = 0

    def after(self, error: ServiceDied) -> tuple[Any, float]:
        """What to ask once more, and its seconds. Raises the error that the caller gets where there is no more."""
        self._deaths += 1
        left_s = self._until_s - time.monotonic()
        if not may_repeat(self._command):
            raise unsure(error, self._command) from error
        if self._deaths > DEATHS or left_s <= 0:
            raise error
        if hasattr(self._command, "timeout_s"):
            self._command = replace(self._command, timeout_s=min(left_s, self._command.timeout_s))
        return self._command, left_s


def future_again(ask: Callable[[Any, float], Future[Any]], command: Any, timeout_s: float) -> Future[Any]:
    """The future of `ask(command, seconds)`, which is asked again where the service dies. It cannot be cancelled."""
    mine: Future[Any] = Future()
    mine.set_running_or_notify_cancel()
    again = Again(command, timeout_s)

    def told(done: Future[Any]) -> None:
        error = done.exception()
        try:
            if isinstance(error, ServiceDied):
                ask(*again.after(error)).add_done_callback(told)
            elif error is not None:
                mine.set_exception(error)
            else:
                mine.set_result(done.result())
        except Exception as failed:
            mine.set_exception(failed)

    ask(command, timeout_s).add_done_callback(told)
    return mine
