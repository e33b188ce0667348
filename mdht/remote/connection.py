"""One blocking connection to a node's door, for one thread at a time. It may send before the answers have come."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import Any, Final

from ..control import Call, pack_request, read_reply
from ..control.wire import NO_REQUEST, Reply, read_failure, read_result, take_frame
from ..data_dir import SOCKET_FILE, reason_of, socket_address
from ..errors import BadFrame, DoorClosed, NodeGone, NoNode, TimedOut
from .results import rebuilt

CONNECT_S: Final = 5.0
"""Seconds for connecting: the door is on this machine, and takes who comes when its loop has a turn."""

_READ_BYTES: Final = 256 << 10


class Connection:
    """Open from the constructor to `close`. After an error of any call but the node's own answer it is to be closed."""

    def __init__(self, data_dir: str, connect_s: float = CONNECT_S) -> None:
        """It may take `connect_s` seconds. Raises NoNode, DoorClosed, DataDirUnusable."""
        self.data_dir = data_dir
        self._kept = bytearray()
        self._came: dict[int, Reply] = {}
        self._sent: dict[int, str] = {}
        self._last = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(connect_s)
            with socket_address(os.path.join(data_dir, SOCKET_FILE)) as address:
                self._socket.connect(address)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            self._socket.close()
            raise NoNode(data_dir) from None
        except (BlockingIOError, TimeoutError):
            self._socket.close()
            raise DoorClosed("more programs want to ask it than it can take; try again") from None
        except OSError as error:
            self._socket.close()
            raise DoorClosed(f"{data_dir}: {reason_of(error)}") from None
        except BaseException:
            self._socket.close()
            raise

    def ask(self, call: Call, wait_s: float) -> Any:
        """The answer as plain values. Raises the node's error, NodeGone, TimedOut, TooLarge, BadMessage."""
        number = self.send(call)
        reply = self.wait(number, wait_s)
        if reply is None:
            raise TimedOut(self._sent[number], wait_s)
        return self.result(reply)

    def send(self, call: Call) -> int:
        """Send a request; its number. Raises TooLarge (then nothing was sent) and NodeGone."""
        frame = pack_request(self._last + 1, call)
        self._last += 1
        self._sent[self._last] = type(call).__name__.removesuffix("Call").lower()
        try:
            self._socket.settimeout(CONNECT_S)
            self._socket.sendall(frame)
        except OSError:
            self._hear()
            raise NodeGone(self.data_dir, self._sent[self._last]) from None
        return self._last

    def wait(self, number: int, wait_s: float) -> Reply | None:
        """The reply to that request; None where it did not come in so many seconds, and may come later.

        Raises NodeGone, BadFrame, BadMessage, and what the node says of the connection as a whole.
        """
        until_s = time.monotonic() + wait_s
        while number not in self._came:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return None
            self._socket.settimeout(left_s)
            try:
                data = self._socket.recv(_READ_BYTES)
            except TimeoutError:
                return None
            except OSError:
                data = b""
            if not data:
                raise NodeGone(self.data_dir, self._sent.get(number, ""))
            self._take(data)
        return self._came.pop(number)

    def result(self, reply: Reply) -> Any:
        """The content of a reply as plain values. Raises the node's error, and BadMessage."""
        method = self._sent.pop(reply.number, "")
        if reply.failed:
            raise rebuilt(read_failure(reply), self.data_dir, method)
        return read_result(reply)

    def _take(self, data: bytes) -> None:
        self._kept += data
        while (body := take_frame(self._kept)) is not None:
            reply = read_reply(body)
            if reply.number == NO_REQUEST:
                raise rebuilt(read_failure(reply), self.data_dir, "")
            if reply.number not in self._sent:
                raise BadFrame("reply", f"it answers request {reply.number}, which was not sent")
            self._came[reply.number] = reply

    def _hear(self) -> None:
        """The door says why it closes before it does: raises that, where it can still be read."""
        try:
            self._socket.settimeout(0.0)
            while data := self._socket.recv(_READ_BYTES):
                self._take(data)
        except OSError:
            pass

    @property
    def usable(self) -> bool:
        """Whether it can be asked again: the node has not ended it, and nothing is left over on it."""
        if self._sent or self._came or self._socket.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """End it: the node gives up what was shared or fetched over it. Idempotent."""
        self._socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
