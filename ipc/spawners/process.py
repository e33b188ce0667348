"""The `process` spawner: a host in a new process, and the agent that stands for it here.

Start method `forkserver` (or `spawn`, by IPC_START_METHOD): never a fork of a threaded parent. The fork server imports
this package once, so that a process is up in milliseconds; name your own heavy modules with `preload` and they are
shared, too. It, and the standard library's resource tracker, are started with SIGHUP blocked: the end of a terminal is
for the parent to hear of, as SIGINT is, which both ignore by themselves.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import multiprocessing
import multiprocessing.util
import os
import signal
import socket
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

from ..channels.base import CHANNELS
from ..codec import loads
from ..errors import BadFrame, EndOfChannel, ServiceDied, StartTimeout
from ..host import Host
from ..limits import KILL_TIMEOUT_S, START_TIMEOUT_S, STOP_TIMEOUT_S
from ..remote_errors import unpack_error
from ..tree.rundir import SOCKET_PATH_BYTES
from .base import Spawned, Spawner, register_spawner
from .child import main
from .control import ControlReader, pack_control
from .thread import in_thread, need_descriptors

_START_DESCRIPTORS = 8
"""What the standard library opens at once to start a process: a connection to the fork server, two pipes, and slack."""

_TEMPORARY_NAME_BYTES = 48
"""What its temporary directory's name and its socket's take at the most."""

_preloaded = ["ipc.spawners.child"]
_started = False
_start_lock = threading.Lock()


def preload(*modules: str) -> None:
    """Let the fork server import these modules once. Before the first process is started; later it has no effect."""
    _preloaded.extend(modules)


def _start(process: BaseProcess) -> None:
    global _started
    with _start_lock:
        if not _started:
            _started = True
            _shorten_temporary_directory()
            if _method() == "forkserver":
                multiprocessing.get_context("forkserver").set_forkserver_preload(_preloaded)
        need_descriptors(_START_DESCRIPTORS)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))  # theirs for good: a mask is inherited
        main_module = sys.modules["__main__"]
        hidden = getattr(main_module, "__file__", None)
        if hidden == "<stdin>":  # which a child would try to run
            del main_module.__file__
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            if hidden == "<stdin>":
                main_module.__file__ = hidden


def _shorten_temporary_directory() -> None:
    """The fork server listens at a Unix socket in the standard library's temporary directory: is its path too long?"""
    if len(os.fsencode(tempfile.gettempdir())) + _TEMPORARY_NAME_BYTES > SOCKET_PATH_BYTES:
        before, tempfile.tempdir = tempfile.tempdir, "/tmp"
        try:
            multiprocessing.util.get_temp_dir()
        finally:
            tempfile.tempdir = before


def _method() -> str:
    return os.environ.get("IPC_START_METHOD", "forkserver")


class RemoteAgent:
    """The agent of a child process. Its operations are those of `tree.agent.Agent`; all run on the control loop."""

    def __init__(self, host: Host, host_id: int, name: str, on_event: Callable[..., None]) -> None:
        self.name = name
        self._host = host
        self._id = host_id
        self._on_event = on_event
        self._requests: dict[int, asyncio.Future[Any]] = {}
        self._next = 0
        self._out: deque[tuple[memoryview, list[int]]] = deque()
        self._writing = False
        self._closed = False
        self._expected = False
        self._asked_s = 0.0
        self._heard_s = 0.0
        self._sock: socket.socket
        self._reader: ControlReader
        self._process: BaseProcess
        self.pid = 0
        self.exit_code: int | None = None

    async def start(self) -> None:
        """Start the process; returns when it has been asked to, its agent answers when it is up. Raises `OSError`."""
        ours, theirs = socket.socketpair()
        try:
            context: Any = multiprocessing.get_context(_method())
            self._process = process = context.Process(
                target=main, args=(theirs, self._id, self.name), name=self.name, daemon=False
            )
            starting = asyncio.ensure_future(in_thread(lambda: _start(process), self._host.loop))
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            ours.close()  # which ends the child as soon as it is there
            with contextlib.suppress(Exception):
                await starting  # the fork server does not survive a request whose descriptors are closed half-way
                await self.reap()
            raise
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.pid = process.pid or 0
        ours.setblocking(False)
        self._sock = ours
        self._reader = ControlReader(ours)
        self._host.add_reader(ours.fileno(), self._readable)

    async def do(self, operation: str, *arguments: Any, timeout_s: float = START_TIMEOUT_S) -> Any:
        """Carry out an operation there. Raises what it raised, `ServiceDied` where the process ends, `StartTimeout`."""
        loop = asyncio.get_running_loop()
        values = list(arguments)
        if operation == "place":  # the types of its parameters are known there once its module is
            await self.do("know", values[0]["class"], timeout_s=timeout_s)
        descriptors: list[int] = []
        if operation in ("listen", "dial") and CHANNELS[values[2]].descriptors:
            descriptors.append(values[3])
            values[3] = 0
        self._next += 1
        request = self._next
        data = pack_control([request, operation, values], len(descriptors))
        if self._closed:
            for descriptor in descriptors:
                os.close(descriptor)
            raise ServiceDied(self.name, "its process has ended", self.exit_code)
        if operation == "stats" and self._asked_s <= self._heard_s:
            self._asked_s = loop.time()
        future = self._requests[request] = loop.create_future()
        self._out.append((memoryview(data), descriptors))
        self._write()
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise StartTimeout(
                f"process {self.name!r} did not carry out {operation!r} within {timeout_s:g} s"
            ) from None
        finally:
            self._requests.pop(request, None)

    def silent_s(self) -> float:
        """For how many seconds it has been asked for its numbers, and has said nothing; 0.0: it answers."""
        return self._host.loop.time() - self._asked_s if self._asked_s > self._heard_s else 0.0

    def _write(self) -> None:
        while self._out:
            data, descriptors = self._out[0]
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
            try:
                count = self._sock.sendmsg([data], ancillary)
            except BlockingIOError:
                if not self._writing:
                    self._writing = True
                    self._host.add_writer(self._sock.fileno(), self._writable)
                return
            except OSError:
                return
            for descriptor in descriptors:
                os.close(descriptor)
            if count < len(data):
                self._out[0] = (data[count:], [])
            else:
                self._out.popleft()

    def _writable(self) -> None:
        self._writing = False
        self._host.remove_writer(self._sock.fileno())
        self._write()

    def _readable(self) -> None:
        try:
            self._reader.read(socket.MSG_DONTWAIT)
            self._heard_s = self._host.loop.time()
            while (frame := self._reader.next()) is not None:
                self._take(*frame[0])
        except BlockingIOError:
            return
        except (EndOfChannel, BadFrame):
            self._ended()

    def _take(self, request: int, what: Any, packed: bytes) -> None:
        if request == 0:
            self._on_event(what, *loads(packed))
            return
        future = self._requests.get(request)
        if future is None or future.done():
            return
        try:
            value = loads(packed)
        except BadFrame as error:
            future.set_exception(error)
            return
        if what:
            future.set_result(value)
        else:
            future.set_exception(unpack_error(value))

    def _ended(self) -> None:
        if self._closed:
            return
        self._closed = True
        fd = self._sock.fileno()
        self._host.remove_reader(fd)
        self._host.remove_writer(fd)
        self._sock.close()
        for _, descriptors in self._out:
            for descriptor in descriptors:
                os.close(descriptor)
        self._out.clear()
        for future in self._requests.values():
            if not future.done():
                future.set_exception(ServiceDied(self.name, "its process has ended", self.exit_code))
        if not self._expected:
            self._on_event("ended", self._id)

    async def reap(self) -> int | None:
        """Wait for the process to be gone, by force if need be; its exit code."""
        if not await self._gone(KILL_TIMEOUT_S):
            self._process.kill()
            await self._gone(KILL_TIMEOUT_S)
        self._process.join(0)
        self.exit_code = self._process.exitcode
        if self.exit_code is not None:
            self._process.close()
        return self.exit_code

    async def _gone(self, timeout_s: float) -> bool:
        loop = asyncio.get_running_loop()
        gone = loop.create_future()
        sentinel = self._process.sentinel
        loop.add_reader(sentinel, set_done, gone)
        try:
            async with asyncio.timeout(timeout_s):
                await gone
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(sentinel)
        return True

    async def stop(self, stuck: bool = False) -> None:
        """Ask it to exit, then (at once where a call in it does not end) terminate, then kill; returns when it is
        gone.
        """
        self._expected = True
        if not self._closed:
            with contextlib.suppress(ServiceDied, StartTimeout):
                await self.do("exit", timeout_s=STOP_TIMEOUT_S)
            if stuck or not await self._gone(STOP_TIMEOUT_S):
                self._process.terminate()
        if self.exit_code is None:
            await self.reap()
        self._ended()

    def abandon(self) -> None:
        """Close the control socket, at whose end the process ends."""
        self._expected = True
        self._ended()

    def kill(self) -> None:
        """End it now, with SIGKILL."""
        with contextlib.suppress(ValueError):
            self._process.kill()


def set_done(future: asyncio.Future[None]) -> None:
    """Resolve a future, unless it is."""
    if not future.done():
        future.set_result(None)


class ProcessSpawner(Spawner):
    """A new process for each host."""

    name = "process"
    channels = ("pipe", "zmq")
    elsewhere = True

    async def spawn(self, control: Host, number: int, name: str, on_event: Callable[..., None]) -> Spawned:
        agent = RemoteAgent(control, number, f"ipc-{name}", on_event)
        await agent.start()
        try:
            await agent.do("stats", [])
        except BaseException:
            await agent.stop()
            raise
        return Spawned(agent=agent)

    async def stop(self, spawned: Spawned) -> None:
        await spawned.agent.stop(spawned.stuck)

    def abandon(self, spawned: Spawned) -> None:
        spawned.agent.abandon()


register_spawner(ProcessSpawner())
