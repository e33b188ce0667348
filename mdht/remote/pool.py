"""The blocking connections of one `RemoteNode`: one for each thread that waits, kept for the next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ..control.limits import CLIENTS
from ..errors import TimedOut, WrongState
from .connection import Connection

MOST: Final = CLIENTS // 2
"""Connections at a time, so that one program leaves room at the door for others."""


class Pool:
    """Thread-safe."""

    def __init__(self, data_dir: str) -> None:
        self._data_dir = data_dir
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._room = threading.BoundedSemaphore(MOST)
        self._closed = False

    @contextmanager
    def connection(self, wait_s: float) -> Iterator[Connection]:
        """One for the block alone. Raises NoNode, DoorClosed, WrongState; TimedOut where all are taken for so long."""
        if not self._room.acquire(timeout=wait_s):
            raise TimedOut(f"each of {MOST} connections to the node", wait_s)
        try:
            one = self._take()
            try:
                yield one
            except BaseException:
                self._give(one)  # kept only where the error is the node's answer, and nothing else is to come
                raise
            self._give(one)
        finally:
            self._room.release()

    def _take(self) -> Connection:
        while True:
            with self._lock:
                if self._closed:
                    raise WrongState("a remote node", "closed", "be asked")
                one = self._idle.pop() if self._idle else None
            if one is None:
                return Connection(self._data_dir)
            if one.usable:
                return one
            one.close()

    def _give(self, one: Connection) -> None:
        with self._lock:
            if not self._closed and one.usable:
                self._idle.append(one)
                return
        one.close()

    def close(self) -> None:
        """Close those that nobody uses; the others when they are given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for one in idle:
            one.close()
