"""A channel and a spawner as a user of the package might write them."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ipc.channels.base import Channel
from ipc.channels.carrier import Carrier
from ipc.channels.wire_server import WireServer
from ipc.errors import BadFrame, Broken, EndOfChannel
from ipc.host import Host
from ipc.spawners.base import Spawned, Spawner

_MORE, _LAST, _PIECE = b"m", b"l", 60_000


class PacketCarrier(Carrier):
    """One end of a SOCK_SEQPACKET pair: a frame is packets, each after a byte that says whether more follow."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.kept: deque[bytes] = deque()
        self.pieces: list[bytes] = []

    def send(self, buffers: list[bytes]) -> bool:
        frame = b"".join(buffers)[4:]
        for start in range(0, max(1, len(frame)), _PIECE):
            piece = frame[start : start + _PIECE]
            self.kept.append((_LAST if start + _PIECE >= len(frame) else _MORE) + piece)
        return self.send_more()

    def send_more(self) -> bool:
        try:
            while self.kept:
                self.sock.send(self.kept[0])
                self.kept.popleft()
        except BlockingIOError:
            return False
        except OSError as error:
            raise Broken(f"the other end is gone: {error}") from error
        return True

    def receive(self, on_frame: Callable[[memoryview | bytes], None], deadline_s: float | None = None) -> bool:
        got = False
        while True:
            try:
                packet = self.sock.recv(_PIECE + 1)
            except BlockingIOError:
                if got or deadline_s is None or time.monotonic() >= deadline_s:
                    return got
                self.wait(deadline_s)
                continue
            except OSError as error:
                raise Broken(f"the other end is gone: {error}") from error
            if not packet:
                raise EndOfChannel("the other end is closed")
            if packet[:1] not in (_MORE, _LAST):
                raise BadFrame("a packet is neither the last of a frame nor followed by more")
            self.pieces.append(packet[1:])
            if packet[:1] == _LAST:
                pieces, self.pieces = self.pieces, []
                got = True
                on_frame(b"".join(pieces))

    def wait(self, deadline_s: float) -> None:
        poll = select.poll()
        poll.register(self.sock, select.POLLIN | (select.POLLOUT if self.kept else 0))
        poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000)

    def fileno(self) -> int:
        return self.sock.fileno()

    def wake(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.wake()
        self.sock.close()


class PacketChannel(Channel):
    """A pair of SOCK_SEQPACKET sockets, passed to the processes that use them."""

    name = "packet"
    descriptors = True

    def link(self, run_dir: str, number: int) -> tuple[int, int, str]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return theirs.detach(), ours.detach(), ""

    def dial(self, address: int) -> Carrier:
        return PacketCarrier(socket.socket(fileno=address))

    def accept(self, address: int, host: Host) -> WireServer:
        server = WireServer(PacketCarrier(socket.socket(fileno=address)), host)
        server.start()
        return server

    @staticmethod
    def corrupt(carrier: PacketCarrier, data: bytes) -> None:
        """What `ipc.conformance` uses to write past the framing."""
        for start in range(0, len(data), _PIECE):
            carrier.sock.send(data[start : start + _PIECE])


class StandardHost(Host):
    """A host on the standard library's event loop, in a thread."""

    def __init__(self, name: str, started: Callable[[], Any]) -> None:
        super().__init__(name, asyncio.SelectorEventLoop())
        self.end = asyncio.Event()
        self.thread_object = threading.Thread(target=self.main, args=(started,), name=name, daemon=True)

    def main(self, started: Callable[[], Any]) -> None:
        self.adopt_thread()
        started()
        self.loop.run_until_complete(self.end.wait())
        self.closed = True
        self.close_wires()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


class StandardSpawner(Spawner):
    """Threads whose hosts run the standard library's event loop."""

    name = "standard"
    channels = ("queue", "pipe")

    async def spawn(self, control: Host, number: int, name: str, on_event: Callable[..., None]) -> Spawned:
        up = asyncio.Event()
        host = StandardHost(name, lambda: control.soon(up.set))
        host.thread_object.start()
        await up.wait()
        return Spawned(host)

    async def stop(self, spawned: Spawned) -> None:
        host = spawned.host
        assert isinstance(host, StandardHost)
        host.soon(host.end.set)
        await asyncio.to_thread(host.thread_object.join, 5)
