"""The control descriptor between a tree and one of its child processes: requests, answers and events, with descriptors.

A Unix stream socket pair. Each frame: its length (4 bytes, big endian), the number of descriptors that came with it (1
byte), then a packed list: [id, operation, arguments] from the tree, [id, ok, value or error] and [0, event, arguments]
from the child. The child sees the end of it when the tree's process ends, however it ends. Only here does a class path
travel.
"""

from __future__ import annotations

import array
import socket
import struct
from collections import deque
from typing import Any

from ..codec import dumps, loads
from ..errors import BadFrame, EndOfChannel
from ..limits import READ_BYTES

_HEAD = struct.Struct(">IB")
MAX_DESCRIPTORS = 16
"""Descriptors in one frame; the kernel allows 253."""


def pack_control(message: list[Any], descriptors: int = 0) -> bytes:
    """One frame. Raises `NotSendable`."""
    first, second, third = message
    body = dumps([first, second, dumps(third)])
    return _HEAD.pack(len(body), descriptors) + body


def send_blocking(sock: socket.socket, data: bytes) -> None:
    """Send all of it; blocks."""
    sock.sendall(data)


class ControlReader:
    """Frames and descriptors from a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()
        self._descriptors: deque[int] = deque()

    def read(self, flags: int = 0) -> None:
        """Take what is there (blocking unless `flags` say otherwise). Raises `EndOfChannel`, `BlockingIOError`."""
        size = array.array("i").itemsize * MAX_DESCRIPTORS
        try:
            data, ancillary, _, _ = self._sock.recvmsg(
                READ_BYTES, socket.CMSG_SPACE(size), flags | socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionError as error:
            raise EndOfChannel(f"the control descriptor is gone: {error}") from error
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
                self._descriptors.extend(fds)
        if not data:
            raise EndOfChannel("the control descriptor is closed")
        self._buffer += data

    def next(self) -> tuple[list[Any], list[int]] | None:
        """The next whole frame and its descriptors, or None; its last part is still packed. Raises `BadFrame`."""
        if len(self._buffer) < _HEAD.size:
            return None
        size, count = _HEAD.unpack_from(self._buffer)
        stop = _HEAD.size + size
        if len(self._buffer) < stop:
            return None
        message = loads(bytes(self._buffer[_HEAD.size : stop]))
        del self._buffer[:stop]
        if type(message) is not list or len(message) != 3 or len(self._descriptors) < count:
            raise BadFrame("not a control frame")
        return message, [self._descriptors.popleft() for _ in range(count)]
