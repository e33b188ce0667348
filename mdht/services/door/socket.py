"""The socket of the door: who may connect, what is there already, and who it is that connected."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from typing import Any, Final

from ...data_dir import reason_of, socket_address
from ...transport import CannotListen

_CREDENTIALS: Final = struct.Struct("iII")
"""struct ucred (unix(7)): process, user and group of who connected."""

_BACKLOG: Final = 64


class DoorSocket:
    """A Unix socket that only its owner may connect to, bound from the constructor to `close`."""

    def __init__(self, path: str) -> None:
        """A socket that a dead node left is replaced. Raises CannotListen, also where a live one answers."""
        self.path = path = os.path.abspath(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(self.socket.fileno(), 0o600)  # before it has a name: the file is made with this mode (unix(7))
            with socket_address(path) as address:
                _make_room(path, address)
                self.socket.bind(address)
            os.chmod(path, 0o600)  # where the system did not take the mode from the socket
            self._mine = _inode(path)
            self.socket.setblocking(False)
            self.socket.listen(_BACKLOG)
        except OSError as error:
            self.socket.close()
            raise CannotListen(path, reason_of(error)) from None
        except BaseException:
            self.socket.close()
            raise

    def close(self) -> None:
        """Remove it, unless another node has put its own there."""
        self.socket.close()
        try:
            if _inode(self.path) == self._mine:
                os.unlink(self.path)
        except OSError:
            pass  # it is gone already, with its directory perhaps


def peer_user(transport: Any) -> int:
    """The user id of the process at the other end (SO_PEERCRED); -1 where the system does not tell."""
    one = transport.get_extra_info("socket")
    if one is None or not hasattr(socket, "SO_PEERCRED"):
        return -1
    data = one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(data)[1])


def _make_room(path: str, address: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CannotListen(path, "there is a file of that name, which is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(address)
    if code != errno.ECONNREFUSED:
        raise CannotListen(path, "another node answers there" if code in (0, errno.EAGAIN) else os.strerror(code))
    os.unlink(path)


def _inode(path: str) -> tuple[int, int]:
    about = os.lstat(path)
    return about.st_dev, about.st_ino
