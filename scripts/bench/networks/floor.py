"""The floor under a get: frames of the same sizes over TLS and TCP between two ends on one loop, and nothing else.

Each end is a protocol with a bare pyOpenSSL connection over memory BIOs, with the node's own TLS contexts; what there
is to send is gathered until the turn ends, and leaves in one write.
"""

from __future__ import annotations

import asyncio
import resource
import struct
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

from OpenSSL import SSL

from mdht.session.tls import TlsContexts

HEAD = struct.Struct(">I")
ROOM_BYTES = 1 << 16
WARM = 200


@dataclass(frozen=True)
class Cost:
    """Microseconds of one operation."""

    wall_us: float
    cpu_us: float
    kernel_us: float


class Watch:
    """Wall, CPU and kernel time of this process from here on."""

    def __init__(self) -> None:
        self.begun = (perf_counter(), process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_stime)

    def cost(self, operations: int) -> Cost:
        now = (perf_counter(), process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_stime)
        return Cost(*((after - before) / operations * 1e6 for before, after in zip(self.begun, now, strict=True)))


class End(asyncio.Protocol):
    """One side of a link: with a `reply` it answers each frame by it, else it completes the futures of `ask`."""

    def __init__(self, connection: SSL.Connection, reply: bytes = b"") -> None:
        self.connection, self.reply, self.buffer = connection, reply, b""
        self.waiting: list[asyncio.Future[None]] = []
        self.out: list[bytes] = []
        self.loop = asyncio.get_running_loop()
        self.ready = self.loop.create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.shake()

    def shake(self) -> None:
        try:
            self.connection.do_handshake()
            self.ready.set_result(None)
        except SSL.WantReadError:
            pass
        self.write()

    def write(self) -> None:
        try:
            self.transport.write(self.connection.bio_read(ROOM_BYTES))
        except SSL.WantReadError:
            pass

    def data_received(self, data: bytes) -> None:
        self.connection.bio_write(data)
        if not self.ready.done():
            self.shake()
        buffer = self.buffer
        try:
            while self.ready.done():
                buffer += self.connection.recv(ROOM_BYTES)
        except SSL.WantReadError:
            pass
        at = 0
        while len(buffer) - at >= HEAD.size:
            end = at + HEAD.size + HEAD.unpack_from(buffer, at)[0]
            if end > len(buffer):
                break
            at = end
            if self.reply:
                self.say(self.reply)
            else:
                self.waiting.pop(0).set_result(None)
        self.buffer = buffer[at:]

    def say(self, body: bytes) -> None:
        self.out.append(HEAD.pack(len(body)) + body)
        if len(self.out) == 1:
            self.loop.call_soon(self.flush)

    def flush(self) -> None:
        frames, self.out = self.out, []
        self.connection.sendall(b"".join(frames))
        self.write()

    async def ask(self, body: bytes) -> None:
        """One round trip."""
        future: asyncio.Future[None] = self.loop.create_future()
        self.waiting.append(future)
        self.say(body)
        await future


async def floor(request: int, reply: int, links: int, in_flight: int, seconds: float) -> Cost:
    """A round trip of that many bytes each way, taking the links in turn."""
    loop, contexts = asyncio.get_running_loop(), TlsContexts()
    server = await loop.create_server(lambda: End(contexts.answer()._connection, bytes(reply)), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ends: list[End] = []
    for _ in range(links):
        _, end = await loop.create_connection(lambda: End(contexts.dial()._connection), "127.0.0.1", port)
        await end.ready
        ends.append(end)
    body = bytes(request)
    for number in range(WARM):
        await ends[number % links].ask(body)
    watch, until, done = Watch(), perf_counter() + seconds, 0

    async def trips(number: int) -> None:
        nonlocal done
        while perf_counter() < until:
            await ends[number % links].ask(body)
            number += 1
            done += 1

    await asyncio.gather(*map(trips, range(in_flight)))
    cost = watch.cost(done)
    for end in ends:
        end.transport.abort()
    server.close()
    return cost
