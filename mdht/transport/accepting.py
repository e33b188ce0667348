"""Lets in whoever connects to listening sockets, on the running loop.

Not by the loop's own server: asyncio's loses a connection that was accepted in the turn in which the server is closed,
and leaves its socket open (`Server._attach` finds the server closed). Here whoever was let in always gets its wire, and
`settled` waits for that.

Where the process has no descriptor left, nobody is let in for a while; those who wait do so in the kernel.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Final

from .base import Listening, spelled
from .errors import CannotListen

_log: Final = logging.getLogger(__name__)

BACKLOG: Final = 1_024
"""Connections that the kernel holds until they are accepted: those of a second while a process of links is started."""

_ACCEPTS: Final = 64
"""Connections accepted in one turn: each costs a TLS connection, and links have to get their turn, too."""

_REST_S: Final = 0.1
"""Seconds without accepting where the process, or the machine, has no room for a connection."""

_NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


async def listeners_at(host: str, port: int, inherited: Sequence[socket.socket] = ()) -> list[socket.socket]:
    """Sockets that listen at an IP address as it is, or at a name wherever it leads; all have one port.

    Where some of `inherited`, which listen already, are bound to that port, copies of them are taken, and nothing is
    bound. Raises CannotListen.
    """
    listeners = [one.dup() for one in inherited if port and one.getsockname()[1] == port]
    if listeners:
        return listeners
    try:
        for family, where in await _places(host, port):
            listeners.append(socket.create_server((where, port), family=family, backlog=BACKLOG))
            port = listeners[0].getsockname()[1]
    except (OSError, UnicodeError) as error:
        for listener in listeners:
            listener.close()
        raise CannotListen(spelled(host, port), reason_of(error)) from None
    return listeners


class Acceptor:
    """Over `listeners`, which it owns from now on; `took` is given each connection, which is its own then.

    It begins at once, and rests between `pause` and `resume`, which may be called in `took`.
    """

    def __init__(self, listeners: list[socket.socket], took: Callable[[socket.socket], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listeners = listeners
        self._took = took
        self._paused = True
        self._resting: asyncio.TimerHandle | None = None
        self._told = False
        for listener in listeners:
            listener.setblocking(False)
        self.resume()

    def pause(self) -> None:
        """Let nobody in for now; who connects waits in the kernel. Idempotent."""
        self._paused = True
        self._stop()

    def resume(self) -> None:
        """After `pause`. Idempotent."""
        if self._paused:
            self._paused = False
            self._go_on()

    def close(self) -> None:
        """Idempotent."""
        self.pause()
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.close()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        for listener in self._listeners:
            self._loop.remove_reader(listener)

    def _go_on(self) -> None:
        self._resting = None
        for listener in self._listeners:
            self._loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTS):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._rest(error)
                return  # else it was gone before it was accepted
            self._told = False
            connection.setblocking(False)
            self._took(connection)
            if self._paused:
                return

    def _rest(self, error: OSError) -> None:
        if not self._told:
            _log.warning("nobody is let in until there is room: %s; allow more open files", error.strerror)
        self._told = True
        self._stop()
        self._resting = self._loop.call_later(_REST_S, self._go_on)


class Accepting(Listening):
    """Over `listeners`, which it owns from now on; `protocol` makes the protocol of a new connection."""

    def __init__(self, listeners: list[socket.socket], protocol: Callable[[], asyncio.Protocol]) -> None:
        self.host, self.port = listeners[0].getsockname()[:2]
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._letting_in: set[asyncio.Task[None]] = set()
        self._acceptor = Acceptor(listeners, self._took)

    def close(self) -> None:
        self._acceptor.close()

    async def settled(self) -> None:
        while self._letting_in:
            await asyncio.gather(*self._letting_in)

    def _took(self, connection: socket.socket) -> None:
        task = self._loop.create_task(self._let_in(connection))
        self._letting_in.add(task)
        task.add_done_callback(self._letting_in.discard)

    async def _let_in(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError as error:
            _log.debug("gone before it began: %s", error)
            connection.close()


def family_of(host: str) -> socket.AddressFamily | None:
    """Of an IP address; None for a name. An address needs no resolver, nor the threads that a loop runs one on."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    return None if "%" in host else socket.AF_INET if version == 4 else socket.AF_INET6


def reason_of(error: Exception) -> str:
    """In one line, for people."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


async def _places(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    if (family := family_of(host)) is not None:
        return [(family, host)]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((one[0], str(one[4][0])) for one in found))
