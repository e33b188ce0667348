"""Accepted connections passed on to other threads or processes of this machine, each as a descriptor in a byte.

Whoever takes them has an `Inlet` at a name that `inlet_name` gives; whoever accepts sends to that name. Between the two
is a Unix stream, so neither side waits: the kernel keeps some hundreds of them, and says when there is room again.

On Linux the names are abstract (unix(7)): nothing is left behind by a process that was killed, and each side looks
whether the other is the same user's (SO_PEERCRED). Elsewhere they lie in a directory that only this user can enter.
Descriptors travel as SCM_RIGHTS.
"""

from __future__ import annotations

import asyncio
import enum
import errno
import logging
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable
from struct import Struct
from typing import Final

from .base import Begin
from .tcp import TcpWire

_log: Final = logging.getLogger(__name__)

TURN: Final = 64
"""Connections taken in one turn of the loop: others want to be served too."""

_SENDERS: Final = 16
"""Who may be connected to an inlet at a time: one listener, and those before it that have not been seen to end."""

_REST_S: Final = 0.1
"""Seconds without a new sender where the process has no descriptor left."""


def new_inlets() -> str:
    """A place for inlets, to be given back to `remove_inlets`. Raises OSError."""
    if sys.platform == "linux":
        return f"\0mdht-links-{secrets.token_hex(16)}"
    return tempfile.mkdtemp(prefix="mdht-links-")


def remove_inlets(inlets: str) -> None:
    """What `new_inlets` made, where it is on a disk."""
    if not inlets.startswith("\0"):
        shutil.rmtree(inlets, ignore_errors=True)


def inlet_name(inlets: str, number: int) -> str:
    """That of one inlet."""
    return f"{inlets}/{number}"


async def adopt(connection: socket.socket, begin: Begin) -> None:
    """Make the wire of a TCP connection that was accepted elsewhere. Raises OSError where it is over already."""
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.get_running_loop().connect_accepted_socket(lambda: TcpWire(begin), connection)


class Inlet:
    """Takes connections at `path` on the running loop; `took(socket)` is called with each. Raises OSError.

    What lies at the path, such as the inlet of a process that has died, is replaced. Where the process has no
    descriptor left, connections wait: the kernel would close one that is read then.
    """

    def __init__(self, path: str, took: Callable[[socket.socket], None]) -> None:
        self._path = path
        self._took = took
        self._loop = asyncio.get_running_loop()
        self._senders: set[socket.socket] = set()
        self._resting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._told = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.setblocking(False)
            _remove(path)
            self._socket.bind(path)
            self._socket.listen(_SENDERS)
        except BaseException:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._called)

    def close(self) -> None:
        """Take no more; those that lie there are closed. Idempotent."""
        if self._socket.fileno() < 0:
            return
        for timer in self._resting.values():
            timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for sender in list(self._senders):
            self._forget(sender)
        _remove(self._path)

    def _called(self) -> None:
        try:
            sender, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:  # there is no descriptor left
            self._rest(self._socket, self._called)
            return
        if len(self._senders) == _SENDERS or not _is_ours(sender):
            sender.close()
            return
        sender.setblocking(False)
        self._senders.add(sender)
        self._loop.add_reader(sender, self._readable, sender)

    def _readable(self, sender: socket.socket) -> None:
        for _ in range(TURN):
            if not _has_descriptor():
                self._rest(sender, self._readable, sender)
                return
            try:
                data, descriptors, _, _ = socket.recv_fds(sender, 1, 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data, descriptors = b"", []
            if not data:
                self._forget(sender)
                return
            self._told = False
            if not descriptors:
                _log.warning("a connection was lost, since no descriptor was left; allow more open files")
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)
                self._took(socket.socket(fileno=descriptor))

    def _rest(self, who: socket.socket, then: Callable[..., None], *arguments: socket.socket) -> None:
        def again() -> None:
            del self._resting[who]
            self._loop.add_reader(who, then, *arguments)

        if not self._told:
            _log.warning("nobody is let in until there is a descriptor; allow more open files")
        self._told = True
        self._loop.remove_reader(who)
        self._resting[who] = self._loop.call_later(_REST_S, again)

    def _forget(self, sender: socket.socket) -> None:
        if (timer := self._resting.pop(sender, None)) is not None:
            timer.cancel()
        self._senders.discard(sender)
        self._loop.remove_reader(sender)
        sender.close()


class Passed(enum.Enum):
    """What came of passing a connection on."""

    TAKEN = "taken"
    """It is on its way; the caller closes its own copy."""
    BEHIND = "behind"
    """There is no room; `Outlet.wait` says when there is."""
    NOBODY = "nobody"
    """Nobody takes it there now."""


class Outlet:
    """Sends connections to inlets, on the running loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines: dict[str, socket.socket] = {}
        self._waiting: list[socket.socket] = []

    def pass_on(self, connection: socket.socket, path: str) -> Passed:
        """Give a connection away. Never waits itself, and ends any `wait`. Raises OSError for the caller's faults."""
        self.forget()
        line = self._lines.get(path)
        if line is not None and (passed := self._send(line, connection, path)) is not Passed.NOBODY:
            return passed
        try:
            line = _line_to(path)  # the inlet may be another one now
        except OSError as error:
            if error.errno in _NOBODY or isinstance(error, BlockingIOError):
                return Passed.NOBODY
            raise
        self._lines[path] = line
        return self._send(line, connection, path)

    def wait(self, paths: Iterable[str], again: Callable[[], None]) -> None:
        """Call `again`, once, when there may be room at one of those that were behind; instead of any wait before."""
        self.forget()

        def room() -> None:
            self.forget()
            again()

        for path in paths:
            if (line := self._lines.get(path)) is not None:
                self._waiting.append(line)
                self._loop.add_writer(line, room)

    def forget(self) -> None:
        """Wait for no room any more. Idempotent."""
        waiting, self._waiting = self._waiting, []
        for line in waiting:
            if line.fileno() >= 0:
                self._loop.remove_writer(line)

    def close(self) -> None:
        """Idempotent."""
        self.forget()
        lines, self._lines = self._lines, {}
        for line in lines.values():
            line.close()

    def _send(self, line: socket.socket, connection: socket.socket, path: str) -> Passed:
        try:
            socket.send_fds(line, [b"\0"], [connection.fileno()])
        except BlockingIOError:
            return Passed.BEHIND
        except OSError as error:
            if error.errno not in _NOBODY:
                raise
            del self._lines[path]
            line.close()
            return Passed.NOBODY
        return Passed.TAKEN


def _has_descriptor() -> bool:
    """Whether this process may open one more."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True


def _remove(path: str) -> None:
    if not path.startswith("\0"):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def _is_ours(other: socket.socket) -> bool:
    """Whether the same user is at the other end, as far as the platform tells; else a directory keeps others out."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    _, user, _ = _CREDENTIALS.unpack(other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return bool(user == os.geteuid())


_CREDENTIALS: Final = Struct("3i")
"""Process, user, group (unix(7))."""


def _line_to(path: str) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.setblocking(False)
        line.connect(path)
        if not _is_ours(line):
            raise ConnectionRefusedError(errno.ECONNREFUSED, "it is another user's")
    except BaseException:
        line.close()
        raise
    return line


_NOBODY: Final = frozenset(
    {
        errno.ENOENT,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EPIPE,
        errno.ENOTCONN,
        errno.ENOBUFS,
        errno.EMFILE,
        errno.ENFILE,
        errno.ETOOMANYREFS,
    }
)
"""The inlet is gone, or the kernel has no room for descriptors on their way."""
