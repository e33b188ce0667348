"""Channels and spawners that each break one clause."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, ClassVar

from ipc.channels.carrier import Carrier
from ipc.channels.pipe import PipeCarrier, PipeChannel
from ipc.channels.wire_server import WireServer
from ipc.errors import Broken
from ipc.host import Host
from ipc.spawners.base import Spawned, Spawner
from ipc.spawners.process import ProcessSpawner, RemoteAgent
from ipc.spawners.thread import ThreadHost, ThreadSpawner, in_thread

OnFrame = Callable[[memoryview | bytes], None]


class Faulty(PipeCarrier):
    """A pipe whose sender's end counts its frames."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.numbers = itertools.count()


class FaultyChannel(PipeChannel):
    """A pipe with a faulty sender's end."""

    faulty: ClassVar[type[PipeCarrier]] = Faulty

    def dial(self, address: int) -> Carrier:
        return self.faulty(socket.socket(fileno=address))


class DropsFrames(FaultyChannel):
    class faulty(Faulty):
        def send(self, buffers: list[bytes]) -> bool:
            return next(self.numbers) == 30 or super().send(buffers)


class RepeatsFrames(FaultyChannel):
    class faulty(Faulty):
        def send(self, buffers: list[bytes]) -> bool:
            if next(self.numbers) == 30:
                super().send(list(buffers))
            return super().send(buffers)


class ReordersFrames(FaultyChannel):
    class faulty(Faulty):
        late: list[bytes] | None = None

        def send(self, buffers: list[bytes]) -> bool:
            if self.late is None and next(self.numbers) % 3 == 2:
                self.late = buffers
                return True
            sent = super().send(buffers)
            if self.late is not None:
                late, self.late = self.late, None
                return super().send(late)
            return sent


class CutsLargeFrames(FaultyChannel):
    class faulty(Faulty):
        def send(self, buffers: list[bytes]) -> bool:
            if sum(map(len, buffers)) > 65536:
                frame = bytearray(b"".join(buffers))
                frame[65536] ^= 1
                buffers = [bytes(frame)]
            return super().send(buffers)


class GivesOneFrameAWakeUp(FaultyChannel):
    class faulty(Faulty):
        def receive(self, on_frame: OnFrame, deadline_s: float | None = None) -> bool:
            if not hasattr(self, "hoard"):
                self.hoard: list[bytes] = []
            if not self.hoard and not super().receive(lambda frame: self.hoard.append(bytes(frame)), deadline_s):
                return False
            on_frame(self.hoard.pop(0))
            return True


class SleepsThroughWakeUps(FaultyChannel):
    class faulty(Faulty):
        def receive(self, on_frame: OnFrame, deadline_s: float | None = None) -> bool:
            if deadline_s is not None and next(self.numbers) % 300 == 299:
                time.sleep(max(0.0, deadline_s - time.monotonic()))
                return False
            return super().receive(on_frame, deadline_s)


class BlocksWhenFull(FaultyChannel):
    """Both ends send with a blocking call, so that two sides that flood each other wait for ever."""

    class faulty(Faulty):
        def send(self, buffers: list[bytes]) -> bool:
            try:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", 0, 300_000))
                self._sock.sendall(b"".join(buffers))
            except OSError as error:
                raise Broken(f"deadlock: {error}") from error
            return True

    def accept(self, address: int, host: Host) -> WireServer:
        server = WireServer(self.faulty(socket.socket(fileno=address)), host)
        server.start()
        return server


class IgnoresDeadlines(FaultyChannel):
    class faulty(Faulty):
        def receive(self, on_frame: OnFrame, deadline_s: float | None = None) -> bool:
            return super().receive(on_frame, None if deadline_s is None else max(deadline_s, time.monotonic() + 3.0))


class CannotBeWoken(FaultyChannel):
    class faulty(Faulty):
        def wake(self) -> None:
            return

        def close(self) -> None:
            super().wake()
            super().close()


class HidesTheEnd(FaultyChannel):
    class faulty(Faulty):
        def receive(self, on_frame: OnFrame, deadline_s: float | None = None) -> bool:
            try:
                return super().receive(on_frame, deadline_s)
            except Exception:
                time.sleep(0.01)
                return False


class KeepsDescriptors(FaultyChannel):
    kept: ClassVar[list[int]] = []

    class faulty(Faulty):
        def close(self) -> None:
            if self._sock.fileno() >= 0:
                KeepsDescriptors.kept.append(os.dup(self._sock.fileno()))
            super().close()

    @classmethod
    def clean_up(cls) -> None:
        """Close what was kept."""
        while cls.kept:
            os.close(cls.kept.pop())


class ClosesOnce(FaultyChannel):
    class faulty(Faulty):
        def close(self) -> None:
            if self._sock.fileno() < 0:
                raise OSError("closed already")
            super().close()


class CrashesOnGarbage(FaultyChannel):
    """The service's end looks into frames before it checks them."""

    def accept(self, address: int, host: Host) -> Any:
        server = super().accept(address, host)
        checked = server.on_frame

        def on_frame(frame: memoryview | bytes) -> None:
            if bytes(frame[:1]) not in (b"\xdd", b"\x90"):
                raise LookupError("what is this?")
            checked(frame)

        server.on_frame = on_frame  # type: ignore[method-assign]
        return server


class StaysInThisProcess(FaultyChannel):
    """Says nothing of its descriptors, so they are not passed on."""

    descriptors = False


# -- spawners ----------------------------------------------------------------------------------------------------------


class BlocksTheLoop(ThreadSpawner):
    async def spawn(self, control: Host, number: int, name: str, on_event: Callable[..., None]) -> Spawned:
        time.sleep(0.6)
        return await super().spawn(control, number, name, on_event)


class LeavesThreads(ThreadSpawner):
    left: ClassVar[list[ThreadHost]] = []

    async def spawn(self, control: Host, number: int, name: str, on_event: Callable[..., None]) -> Spawned:
        return Spawned(ThreadHost(f"left-{name}"))

    async def stop(self, spawned: Spawned) -> None:
        assert isinstance(spawned.host, ThreadHost)
        self.left.append(spawned.host)

    @classmethod
    def clean_up(cls) -> None:
        """Stop what was left."""
        while cls.left:
            cls.left.pop().stop()


class OneHostForAll(Spawner):
    name = "one"
    channels = ("queue", "pipe")

    def __init__(self) -> None:
        self.host: ThreadHost | None = None
        self.users = 0

    async def spawn(self, control: Host, number: int, name: str, on_event: Callable[..., None]) -> Spawned:
        self.users += 1
        self.host = self.host or ThreadHost("ipc-one")
        return Spawned(self.host)

    async def stop(self, spawned: Spawned) -> None:
        self.users -= 1
        if not self.users and self.host is not None:
            host, self.host = self.host, None
            await in_thread(host.stop, asyncio.get_running_loop())


class Drowsy(ThreadHost):
    """Forgets every hundredth wake-up from another thread."""

    calls = 0

    def schedule(self, cell: Any) -> None:
        self.calls += 1
        if self.calls % 100:
            super().schedule(cell)


class ForgetsWakeUps(ThreadSpawner):
    async def spawn(self, control: Host, number: int, name: str, on_event: Callable[..., None]) -> Spawned:
        return Spawned(Drowsy(f"ipc-{name}"))


class SeesNoDeath(ProcessSpawner):
    async def spawn(self, control: Host, number: int, name: str, on_event: Callable[..., None]) -> Spawned:
        agent = RemoteAgent(control, number, f"ipc-{name}", lambda *_: None)
        await agent.start()
        return Spawned(agent=agent)


class KeepsStateBack(ThreadSpawner):
    """Its hosts run what they are given, but never end the wait for a running call."""

    async def spawn(self, control: Host, number: int, name: str, on_event: Callable[..., None]) -> Spawned:
        spawned = await super().spawn(control, number, name, on_event)
        host = spawned.host
        assert host is not None
        run = host.run

        async def slow(coroutine: Any) -> Any:
            if "_pause" in getattr(coroutine, "__qualname__", ""):
                coroutine.close()
                return None
            return await run(coroutine)

        host.run = slow  # type: ignore[method-assign]
        return spawned
