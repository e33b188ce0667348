"""TCP over IPv4 and IPv6, by the event loop's own protocols: asyncio's or uvloop's."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Any, Final

from ..model.address import TCP
from .accepting import Accepting, family_of, listeners_at, reason_of
from .base import CLOSE_S, CONNECT_S, HIGH_BYTES, LOW_BYTES, Begin, Listening, Receiver, Transport, Wire, spelled
from .errors import CannotDial

_MAPPED = "::ffff:"
"""Before an IPv4 address that came to an IPv6 socket (RFC 4291, 2.5.5.2)."""

_UNSENT_BYTES: Final = 128 << 10
"""Bytes that the kernel takes beyond what is on its way (TCP_NOTSENT_LOWAT, tcp(7)): what is said later than they can
only follow them, so a small reply waits for no more of a file than this, 10 ms at 100 Mbit/s.
"""


class TcpTransport(Transport):
    """Sockets on the running loop. TCP_NODELAY is set by the loop: one write is one flight."""

    kind = TCP

    async def dial(self, host: str, port: int, begin: Begin) -> Wire:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                if (family := family_of(host)) is None:
                    _, wire = await loop.create_connection(lambda: TcpWire(begin), host, port)
                else:
                    wire = await _connect(loop, family, host, port, begin)
        except TimeoutError:
            raise CannotDial(spelled(host, port), f"no answer in {CONNECT_S:g} s") from None
        except (OSError, UnicodeError) as error:
            raise CannotDial(spelled(host, port), reason_of(error)) from None
        return wire

    async def listen(self, host: str, port: int, begin: Begin) -> Listening:
        return Accepting(await listeners_at(host, port), lambda: TcpWire(begin))


class TcpWire(asyncio.Protocol, Wire):
    """Protocol and wire in one object: no call between them."""

    def __init__(self, begin: Begin) -> None:
        self.host, self.port, self.writable = "", 0, True
        self._begin = begin
        self._transport: Any = None
        self._receiver: Receiver | None = None
        self._paused = False
        self._cut: asyncio.TimerHandle | None = None

    # -- what the loop tells -------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        peer = transport.get_extra_info("peername") or ("", 0)
        self.host, self.port = str(peer[0]).removeprefix(_MAPPED), int(peer[1])
        transport.set_write_buffer_limits(HIGH_BYTES, LOW_BYTES)
        _limit_unsent(transport.get_extra_info("socket"))
        self._transport = transport
        self._receiver = self._begin(self)

    def data_received(self, data: bytes) -> None:
        assert self._receiver is not None, "connected"
        self._receiver.received(data)

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        if self._receiver is not None:
            self._receiver.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        receiver, self._receiver, self._transport = self._receiver, None, None
        if self._cut is not None:
            self._cut.cancel()
        if receiver is not None:
            receiver.ended()

    # -- what the node wants -------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def pause(self) -> None:
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size():
            self._cut = asyncio.get_running_loop().call_later(CLOSE_S, self.abort)
        self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _limit_unsent(connected: Any) -> None:
    """Where the platform has it; the socket is the loop's own, or uvloop's stand-in for it."""
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is None or connected is None:
        return
    try:
        connected.setsockopt(socket.IPPROTO_TCP, option, _UNSENT_BYTES)
    except OSError:
        pass  # the connection is over already, or no TCP: the kernel's own bound is left


async def _connect(
    loop: asyncio.AbstractEventLoop, family: socket.AddressFamily, host: str, port: int, begin: Begin
) -> TcpWire:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setblocking(False)
        await _connected(loop, one, one.connect_ex((host, port)))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _, wire = await loop.create_connection(lambda: TcpWire(begin), sock=one)
    except BaseException:
        one.close()
        raise
    return wire


async def _connected(loop: asyncio.AbstractEventLoop, one: socket.socket, code: int) -> None:
    """Wait for a connection that `connect_ex` began: uvloop's own `sock_connect` starts four threads to resolve."""
    if code == errno.EINPROGRESS:
        ready: asyncio.Future[None] = loop.create_future()

        def writable() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_writer(one, writable)
        try:
            await ready
        finally:
            loop.remove_writer(one)
        code = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
