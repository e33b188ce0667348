"""The full screen: keys, signals and looks at the node, on one event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeVar

from ...control import About
from ...errors import MdhtError, NodeGone, NoNode
from ...remote import RemoteNode
from .keys import KEYS_BYTES, keys_of
from .layout import page_of
from .look import Look, Numbers, View, view_of
from .sampling import look, numbers
from .screen import Screen
from .state import State, pressed

T = TypeVar("T")

_SOON_S: Final = 1.0
"""Seconds between the first two looks, at most: rates are known after the second."""

_AGAIN_S: Final = 1.0
"""Seconds between two tries to reach a node that has gone, at most."""

_TICK_S: Final = 1.0
"""Seconds between two drawings where nothing is new but the time."""


class Watch:
    """One full screen, from `run` to its end."""

    def __init__(self, node: RemoteNode, about: About, interval_s: float) -> None:
        self._node = node
        self._about = about
        self._interval_s = interval_s
        self._screen = Screen()
        self._state = State()
        self._rows = 1
        self._looks: tuple[Look | None, Look] = (None, Look(time.monotonic()))
        self._numbers: tuple[Numbers | None, Numbers | None] = (None, None)
        self._trouble: dict[str, str] = {}
        self._seen_s = time.time()
        self._ended = asyncio.Event()
        self._error: BaseException | None = None

    async def run(self) -> None:
        """Until q, SIGINT, SIGTERM, or the end of the terminal. Raises what nobody foresaw."""
        loop = asyncio.get_running_loop()
        handlers: dict[int, Callable[[], None]] = {
            signal.SIGINT: self._ended.set,
            signal.SIGTERM: self._ended.set,
            signal.SIGHUP: self._ended.set,
            signal.SIGWINCH: self._draw,
            signal.SIGTSTP: self._suspend,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            with self._screen.taken():
                await self._shown(loop)
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)
        if self._error is not None:
            raise self._error

    async def _shown(self, loop: asyncio.AbstractEventLoop) -> None:
        keyboard = sys.stdin.fileno() if self._screen.keyboard else None
        if keyboard is not None:
            loop.add_reader(keyboard, self._read)
        tasks = [asyncio.ensure_future(self._guarded(one)) for one in (self._look, self._count, self._tick)]
        try:
            self._draw()
            await self._ended.wait()
        finally:
            if keyboard is not None:
                loop.remove_reader(keyboard)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    # -- what is asked -------------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        wait_s = min(self._interval_s, _SOON_S)
        while True:
            found = await self._asked("services", lambda: look(self._node, self._about))
            if found is None:
                self._looks = (None, self._looks[1])
                await asyncio.sleep(min(self._interval_s, _AGAIN_S))
                await self._again()
                wait_s = min(self._interval_s, _SOON_S)
                continue
            self._looks = (self._looks[1] if self._looks[1].rows else None, found)
            self._draw()
            await asyncio.sleep(wait_s)
            wait_s = self._interval_s

    async def _count(self) -> None:
        wait_s = min(self._interval_s, _SOON_S)
        while True:
            found = await self._asked("numbers", lambda: numbers(self._node))
            self._numbers = (self._numbers[1] if found else None, found or self._numbers[1])
            self._draw()
            await asyncio.sleep(wait_s if found else min(self._interval_s, _AGAIN_S))
            wait_s = self._interval_s

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._draw()

    async def _again(self) -> None:
        """The node that runs there now may be another one: what was counted before is not its own."""
        about = await self._asked("services", self._node.aabout)
        if about is not None and (about.pid, about.started_s) != (self._about.pid, self._about.started_s):
            self._about = about
            self._looks = (None, Look(time.monotonic()))
            self._numbers = (None, None)

    async def _asked(self, what: str, ask: Callable[[], Awaitable[T]]) -> T | None:
        """The answer; None where there is none, which is told."""
        try:
            found = await ask()
        except (NoNode, NodeGone):
            since = time.strftime("%H:%M:%S")
            self._trouble.setdefault("gone", f"the node is gone since {since}; looking for it again, q quits")
            self._draw()
            return None
        except (MdhtError, OSError) as error:
            self._trouble[what] = f"{what} are old: {error}"
            self._draw()
            return None
        self._trouble.pop(what, None)
        self._trouble.pop("gone", None)
        return found

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            self._error = error
            self._ended.set()

    # -- keys and drawing ----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            data = os.read(sys.stdin.fileno(), KEYS_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._ended.set()
        for key in keys_of(data):
            self._state = pressed(self._state, key, self._rows)
        if self._state.ended:
            self._ended.set()
        self._draw()

    def _draw(self) -> None:
        if self._ended.is_set():
            return
        page = page_of(self._view(), self._state, *self._screen.size)
        self._state = replace(self._state, offset=page.offset)
        self._rows = page.rows
        try:
            self._screen.draw(page)
        except OSError:
            self._ended.set()

    def _view(self) -> View:
        if "gone" not in self._trouble:
            self._seen_s = time.time()
        up_s = self._seen_s - self._about.started_s
        trouble = self._trouble.get("gone") or next(iter(self._trouble.values()), "")
        return view_of(self._about, up_s, self._looks, self._numbers, trouble)

    def _suspend(self) -> None:
        """Ctrl-Z: the shell gets its terminal back, and `fg` goes on here."""
        self._screen.give()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._screen.take()
        self._draw()


def watch(node: RemoteNode, about: About, interval_s: float) -> None:
    """Blocks until the person has seen enough."""

    async def main() -> None:
        try:
            await Watch(node, about, interval_s).run()
        finally:
            await node.aclose()

    asyncio.run(main())
