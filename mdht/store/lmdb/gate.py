"""Lets many in, or one alone: transactions of this process, and whoever must change the map under them.

LMDB forbids to change the size of the map while any transaction of the process is open, and does not check it. Readers
stay inside for microseconds, so whoever wants to be alone waits for no longer than that; newcomers wait meanwhile, or
a stream of readers would never let it in.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """For any threads of one process. Whoever is inside must not wait for somebody who wants to be alone."""

    __slots__ = ("_changed", "_closed", "_inside", "_turn")

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._turn = threading.Lock()
        self._inside = 0
        self._closed = False

    def enter(self) -> None:
        """Go in; blocks while somebody is, or wants to be, alone."""
        with self._changed:
            while self._closed:
                self._changed.wait()
            self._inside += 1

    def leave(self) -> None:
        """Go out."""
        with self._changed:
            self._inside -= 1
            if self._closed and not self._inside:
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be alone inside; blocks until all have left."""
        with self._turn:
            self._closed = True  # before the lock is had: many who come and go can keep it from us for a second
            try:
                with self._changed:
                    while self._inside:
                        self._changed.wait()
                yield
            finally:
                with self._changed:
                    self._closed = False
                    self._changed.notify_all()
