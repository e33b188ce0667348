"""The `pipe` channel: frames on a Unix stream socket pair, each after its length.

The descriptor stays in blocking mode, so that a thread that waits for a reply does it in one system call; everything
else asks with MSG_DONTWAIT.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import BadFrame, Broken, EndOfChannel
from ..limits import FRAME_BYTES, READ_BYTES, SOCKET_BUFFER_BYTES
from .base import Channel, register_channel
from .carrier import Carrier
from .wire_server import WireServer

if TYPE_CHECKING:
    from ..host import Host

_BUFFER_BYTES = 64 << 10
_KEEP_BYTES = 4 << 20
"""A buffer that a large frame made grow is kept up to this size: fresh memory costs more than the copy into it."""
_LENGTH = struct.Struct(">I")
_TIMEVAL = struct.Struct("@ll")
_DONTWAIT = socket.MSG_DONTWAIT
_IOV_MAX = 512


def make_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends, not inherited by child processes, with the buffers that the kernel allows."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
    return ends


class PipeCarrier(Carrier):
    """One end of a socket pair, which it owns."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(True)
        self._sock = sock
        self._kept: deque[memoryview] = deque()
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._timeout_s = 0.0
        self._fd = sock.fileno()

    def send(self, buffers: list[bytes]) -> bool:
        if self._kept:
            self._kept.extend(map(memoryview, buffers))
            return self.send_more()
        if len(buffers) == 1:
            data = buffers[0]
            try:
                count = self._sock.send(data, _DONTWAIT)
            except BlockingIOError:
                count = 0
            except OSError as error:
                raise Broken(f"the other end of the pipe is gone: {error}") from error
            if count == len(data):
                return True
            self._kept.append(memoryview(data)[count:])
            return False
        self._kept.extend(map(memoryview, buffers))
        return self.send_more()

    def send_more(self) -> bool:
        kept = self._kept
        while kept:
            some = [kept[index] for index in range(min(len(kept), _IOV_MAX))]
            try:
                count = self._sock.sendmsg(some, [], _DONTWAIT)
            except BlockingIOError:
                return False
            except OSError as error:
                raise Broken(f"the other end of the pipe is gone: {error}") from error
            while count:
                if count >= len(kept[0]):
                    count -= len(kept.popleft())
                else:
                    kept[0] = kept[0][count:]
                    count = 0
        return True

    @property
    def keeps(self) -> bool:
        """Whether something is kept that the system did not take."""
        return bool(self._kept)

    def receive(self, on_frame: Callable[[memoryview | bytes], None], deadline_s: float | None = None) -> bool:
        got = False
        total = 0
        while True:
            space = len(self._buffer) - self._end
            try:
                count = self._read(None if got else deadline_s)
            except BlockingIOError:
                return got
            if count == 0:
                if self._end > self._start:
                    raise Broken("the other end of the pipe went away in the middle of a frame")
                raise EndOfChannel("the other end of the pipe is closed")
            self._end += count
            got = self._parse(on_frame) or got
            total += count
            if (count < space and (got or deadline_s is None)) or total >= READ_BYTES:
                return got

    def _read(self, deadline_s: float | None) -> int:
        flags: int = _DONTWAIT
        if deadline_s is not None:
            left = deadline_s - time.monotonic()
            if left > 0:
                flags = 0
                if not left <= self._timeout_s < left * 1.25 + 0.01:
                    self._timeout_s = left = left * 1.1 + 0.001
                    self._sock.setsockopt(
                        socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.pack(int(left), int(left % 1 * 1e6))
                    )
        try:
            return self._sock.recv_into(self._view[self._end :], 0, flags)
        except ConnectionResetError:
            return 0
        except BlockingIOError:
            raise
        except OSError as error:
            raise Broken(f"the pipe cannot be read: {error}") from error

    def _parse(self, on_frame: Callable[[memoryview | bytes], None]) -> bool:
        got = False
        view, start, end = self._view, self._start, self._end
        while end - start >= 4:
            (size,) = _LENGTH.unpack_from(view, start)
            if size > FRAME_BYTES:
                raise BadFrame(f"a frame of {size} bytes is over the limit of {FRAME_BYTES}")
            stop = start + 4 + size
            if stop > end:
                break
            with view[start + 4 : stop] as frame:
                on_frame(frame)
            got = True
            start = stop
        if start == end:
            self._start = self._end = 0
            if len(self._buffer) > _KEEP_BYTES:
                self._replace(bytearray(_BUFFER_BYTES), 0)
            return got
        needed = 4 if end - start < 4 else 4 + _LENGTH.unpack_from(view, start)[0]
        if start + needed > len(self._buffer):
            if needed > len(self._buffer):
                self._replace(bytearray(needed), end - start, start)
            else:
                view[: end - start] = bytes(view[start:end])
            self._start, self._end = 0, end - start
        else:
            self._start = start
            if end == len(self._buffer):
                view[: end - start] = bytes(view[start:end])
                self._start, self._end = 0, end - start
        return got

    def _replace(self, buffer: bytearray, size: int, start: int = 0) -> None:
        buffer[:size] = self._view[start : start + size]
        self._view.release()
        self._buffer = buffer
        self._view = memoryview(buffer)

    def wait(self, deadline_s: float) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN | (select.POLLOUT if self._kept else 0))
        poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000)

    def fileno(self) -> int:
        return self._fd

    def wake(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.wake()
        self._sock.close()
        self._kept.clear()


class PipeChannel(Channel):
    """A socket pair, whose ends are passed to the processes that use them."""

    name = "pipe"
    descriptors = True

    def link(self, run_dir: str, number: int) -> tuple[int, int, str]:
        ours, theirs = make_pair()
        return theirs.detach(), ours.detach(), ""

    def dial(self, address: int) -> Carrier:
        return PipeCarrier(socket.socket(fileno=address))

    def accept(self, address: int, host: Host) -> WireServer:
        server = WireServer(PipeCarrier(socket.socket(fileno=address)), host)
        server.start()
        return server


register_channel(PipeChannel())
