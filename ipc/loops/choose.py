"""Which event loop a host runs on: by name, by the environment, or the fastest that is installed."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from typing import Final, TypeGuard

from ipc.errors import IpcError
from ipc.loops.virtual import VirtualLoop

LOOPS: Final = ("uvloop", "asyncio", "virtual")
"""The names of the loops there are."""

_VARIABLE: Final = "IPC_LOOP"


class UnknownLoop(IpcError, ValueError):
    """No loop has that name. `name` was asked for, `source` says where it was written."""

    def __init__(self, name: str = "", source: str = "") -> None:
        super().__init__(name, source)
        self.name = name
        self.source = source

    def __str__(self) -> str:
        return f"{self.source or 'loop'} {self.name!r} does not exist; choose one of {', '.join(LOOPS)}"


class LoopMissing(IpcError, ImportError):
    """The loop that was asked for is not installed, or fails to import here; the cause says which."""


def new_loop(name: str | None = None) -> asyncio.AbstractEventLoop:
    """A new event loop for the caller to close: `uvloop`, `asyncio` (the standard one) or `virtual` (seed 0).

    Without a name: that of the environment variable `IPC_LOOP` where it is set and not empty, else uvloop where it can
    be imported, else asyncio. No event loop policy is asked. Raises `UnknownLoop`, a ValueError, for another name, and
    `LoopMissing`, an ImportError, where uvloop is asked for and cannot be imported. Any thread may call it.
    """
    source = "loop"
    if name is None:
        name = os.environ.get(_VARIABLE, "")
        if not name:
            return _fastest()
        source = _VARIABLE
    if name == "uvloop":
        try:
            return _uvloop()
        except ImportError as error:
            raise LoopMissing("uvloop cannot be imported; install it, or choose 'asyncio'", name="uvloop") from error
    if name == "asyncio":
        return _standard()
    if name == "virtual":
        return VirtualLoop()
    raise UnknownLoop(name, source)


def is_virtual(loop: asyncio.AbstractEventLoop) -> TypeGuard[VirtualLoop]:
    """Whether the loop's time is virtual, so that it can have no thread, process or descriptor beside it."""
    return isinstance(loop, VirtualLoop)


def _fastest() -> asyncio.AbstractEventLoop:
    try:
        return _uvloop()
    except ImportError:
        return _standard()


def _uvloop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = importlib.import_module("uvloop").new_event_loop()
    return loop


def _standard() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop()
    return asyncio.SelectorEventLoop()
