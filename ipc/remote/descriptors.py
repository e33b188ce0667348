"""Descriptors that belong to ZeroMQ, of which the monitor tells: looked at and shut down by a copy, never closed."""

from __future__ import annotations

import errno
import logging
import os
import socket as sockets
from typing import Any

log = logging.getLogger("ipc")


def peer_address(fd: int) -> Any:
    """Where the other end of a connection is, or None where the descriptor is no connection (any more)."""
    try:
        with sockets.socket(fileno=os.dup(fd)) as connection:
            return connection.getpeername()
    except OSError:
        return None


def shut_down(fd: int, address: Any) -> None:
    """End the connection behind a descriptor of ZeroMQ's, which then closes it; nothing where it leads elsewhere."""
    try:
        with sockets.socket(fileno=os.dup(fd)) as connection:
            if address is not None and connection.getpeername() == address:
                connection.shutdown(sockets.SHUT_RDWR)
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.ENOTCONN, errno.ENOTSOCK):
            log.error("ipc: a connection could not be cut: %s", error)
