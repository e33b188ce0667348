"""Lets in whoever connects to listening sockets, on the running loop.

Not by the loop's own server: asyncio's loses a connection that was accepted in the turn in which the server is closed,
and leaves its socket open (`Server._attach` finds the server closed). Here whoever was let in always gets its wire, and
`settled` waits for that.

Where the process has no descriptor left, nobody is let in for `_REST_S`; those who wait do so in the kernel.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Final

from .base import Listening

_log: Final = logging.getLogger(__name__)

BACKLOG: Final = 256
"""Connections that the kernel holds until they are accepted: as many as may be half-open."""

_ACCEPTS: Final = 64
"""Connections accepted in one turn: each costs a TLS connection, and links have to get their turn, too."""

_REST_S: Final = 1.0
"""Seconds without accepting where the process, or the machine, has no room for a connection."""

_NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Accepting(Listening):
    """Over `listeners`, which it owns from now on; `protocol` makes the protocol of a new connection."""

    def __init__(self, listeners: list[socket.socket], protocol: Callable[[], asyncio.Protocol]) -> None:
        self.host, self.port = listeners[0].getsockname()[:2]
        self._loop = asyncio.get_running_loop()
        self._listeners = listeners
        self._protocol = protocol
        self._letting_in: set[asyncio.Task[None]] = set()
        self._resting: dict[socket.socket, asyncio.TimerHandle] = {}
        for listener in listeners:
            listener.setblocking(False)
            self._loop.add_reader(listener, self._accept, listener)

    def close(self) -> None:
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            timer = self._resting.pop(listener, None)
            if timer is not None:
                timer.cancel()
            self._loop.remove_reader(listener)
            listener.close()

    async def settled(self) -> None:
        while self._letting_in:
            await asyncio.gather(*self._letting_in)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTS):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._rest(listener, error)
                return  # else it was gone before it was accepted
            connection.setblocking(False)
            task = self._loop.create_task(self._let_in(connection))
            self._letting_in.add(task)
            task.add_done_callback(self._letting_in.discard)

    async def _let_in(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError as error:
            _log.debug("gone before it began: %s", error)
            connection.close()

    def _rest(self, listener: socket.socket, error: OSError) -> None:
        _log.warning("nobody is let in for %g s: %s; allow more open files", _REST_S, error.strerror)
        self._loop.remove_reader(listener)
        self._resting[listener] = self._loop.call_later(_REST_S, self._go_on, listener)

    def _go_on(self, listener: socket.socket) -> None:
        del self._resting[listener]
        self._loop.add_reader(listener, self._accept, listener)
