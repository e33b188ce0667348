"""What runs in a child process: one host on the main thread, and a thread that reads the control descriptor.

A blocking service gets a host in a thread of its own, so that the main thread's goes on reading for it, and does what
the tree asks, while it blocks.

The control thread is what sees the end of the parent, and answers for numbers while the host is busy. It ignores SIGINT
and SIGHUP (a terminal sends them to everybody; the parent decides), and SIGTERM means stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import threading
from typing import Any

from ..codec import loads
from ..errors import BadFrame, EndOfChannel, IpcError
from ..host import Host
from ..limits import STOP_TIMEOUT_S
from ..loops import new_loop
from ..remote_errors import pack_error
from ..tree.agent import CLIENTS, Agent
from .control import ControlReader, pack_control, send_blocking
from .thread import ThreadHost

log = logging.getLogger("ipc")

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEEP_BYTES = 64 << 20
_WITH_DESCRIPTOR = ("listen", "dial")

PARENTS = (signal.SIGINT, signal.SIGHUP)
"""Signals that a terminal sends to all processes of a group, and that are for the parent alone."""


def keep_freed_memory() -> None:
    """Let malloc keep what was freed: megabyte messages are dominated by page faults otherwise (mallopt(3), glibc)."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _KEEP_BYTES)
        libc.mallopt(_M_TOP_PAD, 1 << 20)


class Child:
    """The process's agent, behind the control descriptor."""

    def __init__(self, sock: socket.socket, host_id: int, name: str) -> None:
        self.sock = sock
        self.reader = ControlReader(sock)
        self.host = Host(name, new_loop())
        self.host.adopt_thread()
        self.aside: list[ThreadHost] = []
        self.agent = Agent(self._event, self._new_thread)
        self.agent.hosts[CLIENTS] = self.agent.hosts[host_id] = self.host
        self.send_lock = threading.Lock()
        self.finished = asyncio.Event()
        self.order: asyncio.Queue[tuple[int, str, bytes, list[int]]] = asyncio.Queue()

    def run(self) -> None:
        """Serve until the tree says `exit`, its process ends, or SIGTERM comes."""
        loop = self.host.loop
        asyncio.set_event_loop(loop)
        loop.add_signal_handler(signal.SIGTERM, self.finished.set)
        thread = threading.Thread(target=self._read_control, name="ipc-control", daemon=True)
        loop.call_soon(thread.start)
        try:
            loop.run_until_complete(self._main())
        finally:
            for host in self.aside:
                host.stop()
            self.host.closed = True
            self.host.close_wires()
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
            thread.join(1.0)
            self.sock.close()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    def _new_thread(self) -> ThreadHost:
        self.aside.append(host := ThreadHost(self.host.name))
        return host

    async def _main(self) -> None:
        serving = asyncio.create_task(self._carry_out())
        await self.finished.wait()
        watchdog = threading.Timer(STOP_TIMEOUT_S, os._exit, (1,))
        watchdog.daemon = True
        watchdog.start()
        serving.cancel()
        for cell_id in reversed(list(self.agent.cells)):
            try:
                await self.agent.stop(cell_id, STOP_TIMEOUT_S / 2)
            except Exception:
                log.exception("a service did not stop cleanly")
        self.host.turn()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        watchdog.cancel()

    # -- control -------------------------------------------------------------------------------------------------------

    def _read_control(self) -> None:
        try:
            while True:
                self.reader.read()
                while (frame := self.reader.next()) is not None:
                    self._take(*frame)
        except (EndOfChannel, BadFrame, OSError):
            pass
        finally:
            self._finish()

    def _take(self, message: list[Any], descriptors: list[int]) -> None:
        request, operation, packed = message
        if operation == "exit":
            self._answer(request, True, None)
            self._finish()
        elif operation == "stats":
            cells = self.agent.cells
            (wanted,) = loads(packed)
            self._answer(request, True, [cells[cell_id].stats() for cell_id in wanted if cell_id in cells])
        else:
            with contextlib.suppress(RuntimeError):
                self.host.loop.call_soon_threadsafe(self.order.put_nowait, (request, operation, packed, descriptors))

    def _finish(self) -> None:
        watchdog = threading.Timer(2 * STOP_TIMEOUT_S, os._exit, (1,))
        watchdog.daemon = True
        watchdog.start()
        with contextlib.suppress(RuntimeError):
            self.host.loop.call_soon_threadsafe(self.finished.set)

    async def _carry_out(self) -> None:
        waiting: set[asyncio.Task[None]] = set()
        while True:
            task = asyncio.create_task(self._perform(*await self.order.get()))
            waiting.add(task)
            task.add_done_callback(waiting.discard)

    async def _perform(self, request: int, operation: str, packed: bytes, descriptors: list[int]) -> None:
        try:
            arguments = loads(packed)
            if operation in _WITH_DESCRIPTOR and descriptors:
                arguments[3] = descriptors.pop()
            value = await getattr(self.agent, operation)(*arguments)
        except Exception as error:
            self._answer(request, False, pack_error(error))
        else:
            self.host.turn()
            self._answer(request, True, value)

    def _answer(self, request: int, ok: bool, value: Any) -> None:
        try:
            data = pack_control([request, ok, value])
        except IpcError as error:
            data = pack_control([request, False, pack_error(error)])
        with self.send_lock, contextlib.suppress(OSError):
            send_blocking(self.sock, data)

    def _event(self, event: str, *arguments: Any) -> None:
        with self.send_lock, contextlib.suppress(OSError):
            send_blocking(self.sock, pack_control([0, event, list(arguments)]))


def main(sock: socket.socket, host_id: int, name: str) -> None:
    """Entry point of a child process; `sock` is its end of the control socket."""
    for number in PARENTS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PARENTS)
    keep_freed_memory()
    Child(sock, host_id, name).run()
