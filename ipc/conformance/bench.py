"""What every clause has at its disposal: patience, threads that are joined, things that are undone, and open ears.

What goes wrong in an event loop's callback is only logged by asyncio; a bench listens to that log, and a clause during
which a callback failed is broken.
"""

from __future__ import annotations

import itertools
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from ..client import Client
from ..launch import launch
from ..service import Service
from ..supervisor import Supervisor
from .footprint import Footprint
from .verdict import Unmet, expect

T = TypeVar("T")

_numbers = itertools.count(1)
_POLL_S = 0.002


def fresh_name(name: str) -> str:
    """A word for placements that nobody else has."""
    return f"{name}_c{os.getpid()}_{next(_numbers)}"


class Bench:
    """Open for one clause. `make` is what is checked; everything registered with `undo` is undone at the end."""

    def __init__(self, make: Callable[[], Any], patience_s: float) -> None:
        self.make = make
        self.patience_s = patience_s
        self.undo = ExitStack()
        self._ears = _Ears()

    def __enter__(self) -> Self:
        asyncio_log = logging.getLogger("asyncio")
        asyncio_log.addHandler(self._ears)
        self.undo.callback(asyncio_log.removeHandler, self._ears)
        ours, mute = logging.getLogger("ipc"), logging.NullHandler()  # deaths on purpose need not be on the terminal
        ours.addHandler(mute)
        self.undo.callback(ours.removeHandler, mute)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.undo.close()
        except Exception:
            if error is None:
                raise
        if error is None:
            expect(
                not self._ears.heard, "no callback of an event loop fails", f"one did: {'; '.join(self._ears.heard)}"
            )

    def hook(self, name: str, subject: Any, default: Any = None) -> Any:
        """Something that `make`, or what it made, says about itself."""
        return getattr(self.make, name, getattr(subject, name, default))

    # -- waiting -------------------------------------------------------------------------------------------------------

    def until(
        self, condition: Callable[[], object], expected: str, happened: Callable[[], str] | str, within_s: float = 0.0
    ) -> None:
        """Look again until the condition holds. Raises `Unmet` when patience (or `within_s`) ends."""
        deadline = time.monotonic() + (within_s or self.patience_s)
        while not condition():
            if time.monotonic() > deadline:
                raise Unmet(expected, happened if isinstance(happened, str) else happened())
            time.sleep(_POLL_S)

    def settle(self, measure: Callable[[], int], target: int) -> int:
        """Wait until a count reaches its target, or has stood still for a while; returns it."""
        quiet_s = min(1.0, self.patience_s / 2)
        last, since = measure(), time.monotonic()
        while last < target and time.monotonic() - since < quiet_s:
            time.sleep(_POLL_S)
            if (now := measure()) != last:
                last, since = now, time.monotonic()
        return last

    def aside(self, function: Callable[[], T]) -> Aside[T]:
        """Run a function in another thread; joined at the end."""
        return Aside(function, self.patience_s)

    def until_back(self, before: Footprint, what: str) -> None:
        """Wait until this process holds no more than before. Raises `Unmet`."""
        more: list[str] = []

        def is_back() -> bool:
            more[:] = Footprint.take().more_than(before)
            return not more

        self.until(
            is_back,
            f"descriptors, threads and processes as before {what}",
            lambda: f"there are more: {', '.join(more)}",
        )

    # -- services ------------------------------------------------------------------------------------------------------

    def launch(self, service: Service, placement: str, **options: Any) -> Client:
        """`ipc.launch`, closed at the end."""
        client = launch(service, placement, **options)
        self.undo.callback(client.close)
        return client

    def tree(self, **options: Any) -> Supervisor:
        """An open `Supervisor`, closed at the end."""
        supervisor = Supervisor(**options).open()
        self.undo.callback(supervisor.close)
        return supervisor

    def directory(self) -> str:
        """A temporary directory, removed at the end."""
        return self.undo.enter_context(tempfile.TemporaryDirectory(prefix="ipc-conformance-"))


class Aside(Generic[T]):
    """A function that runs in a thread of its own."""

    def __init__(self, function: Callable[[], T], patience_s: float) -> None:
        self._function = function
        self._patience_s = patience_s
        self._value: list[T] = []
        self._error: BaseException | None = None
        self.took_s = 0.0
        self._thread = threading.Thread(target=self._main, name="conformance-aside", daemon=True)
        self._thread.start()

    def _main(self) -> None:
        start = time.monotonic()
        try:
            self._value.append(self._function())
        except BaseException as error:
            self._error = error
        self.took_s = time.monotonic() - start

    @property
    def running(self) -> bool:
        """Whether the function has not returned yet."""
        return self._thread.is_alive()

    def result(self, expected: str, within_s: float = 0.0) -> T:
        """What it returned. Raises what it raised, or `Unmet` where it does not return in time."""
        limit_s = within_s or self._patience_s
        self._thread.join(limit_s)
        expect(not self._thread.is_alive(), expected, f"it is not there after {limit_s:g} s")
        if self._error is not None:
            raise self._error
        return self._value[0]


class _Ears(logging.Handler):
    """Keeps what asyncio logs of callbacks that failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("Exception in callback"):
            error = record.exc_info[1] if record.exc_info else None
            self.heard.append(f"{text.splitlines()[0]}: {error!r}")
