"""The `thread` spawner: a host in a new thread, which parks in its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from ..host import Host
from ..limits import KILL_TIMEOUT_S, STOP_TIMEOUT_S
from ..loops import new_loop
from .base import Spawned, Spawner, register_spawner

log = logging.getLogger("ipc")

_LOOP_DESCRIPTORS = 8
"""What an event loop opens: an epoll, an eventfd or a pipe, a socket pair for signals, and slack."""


class ThreadHost(Host):
    """A host in a thread of its own, started and stopped with it. Daemonic: it never keeps the interpreter alive."""

    def __init__(self, name: str) -> None:
        need_descriptors(_LOOP_DESCRIPTORS)
        super().__init__(name, new_loop())
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()
        self._started.wait()

    def _main(self) -> None:
        self.adopt_thread()
        asyncio.set_event_loop(self.loop)
        self.loop.call_soon(self._started.set)
        try:
            self.loop.run_forever()
        finally:
            self.closed = True
            self._drain()
            asyncio.set_event_loop(None)
            self.loop.close()

    def _drain(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.close_wires()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(asyncio.sleep(0))

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """End the loop and join the thread; False where a call did not end in time and the thread is left behind."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.loop.stop)
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()


class ThreadSpawner(Spawner):
    """A new thread for each host."""

    name = "thread"
    channels = ("queue", "pipe", "zmq")

    async def spawn(self, control: Host, number: int, name: str, on_event: Callable[..., None]) -> Spawned:
        return Spawned(ThreadHost(f"ipc-{name}"))

    async def stop(self, spawned: Spawned) -> None:
        host = spawned.host
        assert isinstance(host, ThreadHost)
        timeout_s = KILL_TIMEOUT_S if spawned.stuck else STOP_TIMEOUT_S
        await in_thread(lambda: _stop(host, timeout_s), asyncio.get_running_loop())

    def abandon(self, spawned: Spawned) -> None:
        assert isinstance(spawned.host, ThreadHost)
        _stop(spawned.host, KILL_TIMEOUT_S)


def _stop(host: ThreadHost, timeout_s: float) -> None:
    if not host.stop(timeout_s):
        log.error("thread %s did not end within %g s: a call in it still runs; it is left behind", host.name, timeout_s)


def need_descriptors(count: int) -> None:
    """Raise `OSError` where fewer are left. What is made next would leak some of its own where they end half-way."""
    taken: list[int] = []
    try:
        for _ in range(count):
            taken.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    finally:
        for descriptor in taken:
            os.close(descriptor)


async def in_thread(function: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
    """Run a blocking function in a thread of its own, and await its end. Raises what it raises."""
    done: asyncio.Future[None] = loop.create_future()

    def finish(error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            function()
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, error)

    threading.Thread(target=run, name="ipc-start", daemon=True).start()
    await done


register_spawner(ThreadSpawner())
