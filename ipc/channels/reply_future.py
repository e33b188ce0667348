"""A `concurrent.futures.Future` that makes its condition variable only for who really waits.

The standard one makes a condition, a lock and a queue for each future: half of what a reply over a pipe costs. Here who
sets the result changes the state under one lock of all futures, then looks whether there is a condition to notify; who
waits makes the condition under that lock, then looks at the state. So one of the two sees the other. All else, and what
`wait` and `as_completed` do with futures of several kinds, is the standard library's.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, InvalidStateError
from typing import Any

_PENDING, _RUNNING, _CANCELLED, _FINISHED = "PENDING", "RUNNING", "CANCELLED", "FINISHED"

_states = threading.Lock()
"""Held while the state of one future changes, for less than a microsecond."""


def _forked() -> None:
    global _states
    _states = threading.Lock()


os.register_at_fork(after_in_child=_forked)


class ReplyFuture(Future[Any]):
    """Set once, by the thread that brings the reply."""

    _state = _PENDING
    _result: Any = None
    _exception: BaseException | None = None
    _made: threading.Condition | None = None

    def __init__(self) -> None:
        self._waiters: list[Any] = []
        self._done_callbacks: list[Any] = []

    @property
    def _condition(self) -> threading.Condition:  # type: ignore[override]
        if self._made is None:
            with _states:
                if self._made is None:
                    self._made = threading.Condition()
        return self._made

    def done(self) -> bool:
        """Whether it has a result, an error, or was cancelled."""
        return self._state not in (_PENDING, _RUNNING)

    def result(self, timeout: float | None = None) -> Any:
        """The reply; waits at most `timeout` seconds. Raises `TimeoutError`, `CancelledError`, or the error."""
        if self._state == _FINISHED and self._exception is None:
            return self._result
        return super().result(timeout)

    def set_result(self, result: Any) -> None:
        """The reply has come. Raises `InvalidStateError` where it was set or cancelled before."""
        self._finish(result, None)

    def set_exception(self, exception: BaseException | None) -> None:
        """An error has come instead. Raises `InvalidStateError`."""
        self._finish(None, exception)

    def _finish(self, result: Any, error: BaseException | None) -> None:
        with _states:
            state = self._state
            if state in (_PENDING, _RUNNING):
                self._result = result
                self._exception = error
                self._state = _FINISHED
            made = self._made
        if state not in (_PENDING, _RUNNING):
            raise InvalidStateError(f"this future is {state.lower()} already")
        if made is not None:
            self._tell(made)

    def cancel(self) -> bool:
        """Nobody waits any more; False where the reply has come. The command may be served all the same."""
        with _states:
            if self._state in (_RUNNING, _FINISHED):
                return False
            if self._state != _PENDING:
                return True
            self._state = _CANCELLED
            made = self._made
        if made is not None:
            with made:
                made.notify_all()
            self._invoke_callbacks()  # type: ignore[attr-defined]
        return True

    def _tell(self, made: threading.Condition) -> None:
        with made:
            for waiter in self._waiters:
                if self._exception is not None:
                    waiter.add_exception(self)
                else:
                    waiter.add_result(self)
            made.notify_all()
        self._invoke_callbacks()  # type: ignore[attr-defined]
