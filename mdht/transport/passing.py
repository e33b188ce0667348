"""Accepted connections passed on to other processes of this machine, each as a descriptor in a Unix datagram.

Whoever takes them binds an `Inlet` at a path in a directory that only this user can enter; whoever accepts sends to
that path (`pass_on`). A datagram is all or nothing, and the kernel keeps some hundreds of them, so neither side waits.
(SCM_RIGHTS: unix(7).)
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
from array import array
from collections.abc import Callable
from typing import Final

from .base import Begin, spelled
from .errors import CannotListen
from .tcp import TcpWire

BACKLOG: Final = 1_024
"""Connections that the kernel holds until they are accepted: those of a second while a process of links is started."""

TURN: Final = 64
"""Connections taken in one turn of the loop: others want to be served too."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at an IP address, and does not block; for who accepts itself. Raises CannotListen."""
    try:
        family = socket.AF_INET if ipaddress.ip_address(host).version == 4 else socket.AF_INET6
    except ValueError:
        raise CannotListen(
            spelled(host, port), "a name, where several processes serve links: give an IP address"
        ) from None
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(spelled(host, port), error.strerror or str(error)) from None
    listener.setblocking(False)
    return listener


async def adopt(connection: socket.socket, begin: Begin) -> None:
    """Make the wire of a TCP connection that was accepted elsewhere. Raises OSError where it is over already."""
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.get_running_loop().connect_accepted_socket(lambda: TcpWire(begin), connection)


class Inlet:
    """Takes connections at `path` on the running loop; `took(socket)` is called with each. Raises OSError.

    What lies at the path, such as the inlet of a process that has died, is replaced.
    """

    def __init__(self, path: str, took: Callable[[socket.socket], None]) -> None:
        self._path = path
        self._took = took
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
            self._socket.bind(path)
        except BaseException:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Take no more; those that lie there are closed. Idempotent."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._socket.close()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass

    def _readable(self) -> None:
        for _ in range(TURN):
            try:
                _, descriptors, _, _ = socket.recv_fds(self._socket, 1, 1)
            except (BlockingIOError, InterruptedError):
                return
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
                self._took(socket.socket(fileno=descriptor))


class Outlet:
    """Sends connections to inlets."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def pass_on(self, connection: socket.socket, path: str) -> bool:
        """Give a connection away; the caller closes its own copy. False where nobody takes it now: dead, or behind."""
        try:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [connection.fileno()]))
            self._socket.sendmsg([b"\0"], [rights], 0, path)  # `socket.send_fds` ignores the path
        except OSError as error:
            if error.errno in _NOBODY:
                return False
            raise
        return True

    def close(self) -> None:
        """Idempotent."""
        self._socket.close()


_NOBODY: Final = frozenset({errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN, errno.ENOBUFS, errno.ETOOMANYREFS})
