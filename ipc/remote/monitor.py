"""What ZeroMQ says about the connections of a socket, read on a host."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import zmq
from zmq.utils.monitor import parse_monitor_message

from ..channels.zeromq import release_socket, take_socket

if TYPE_CHECKING:
    from ..host import Host


class Monitor:
    """Calls `on_event(event, value)` on the host's thread; `value` is a descriptor or, of a failed handshake, why.

    To be made before the socket binds or connects, on the host's thread. Stop the socket's side first
    (`socket.monitor(None, 0)`), then `close` this one: ZeroMQ waits for a reader of its events for ever.
    """

    def __init__(
        self, socket: zmq.Socket[bytes], host: Host, events: int, on_event: Callable[[int, int], None]
    ) -> None:
        self._host = host
        self._on_event = on_event
        self._closed = False
        address = f"inproc://ipc-monitor-{secrets.token_hex(8)}"
        socket.monitor(address, events)
        self._pair = take_socket(zmq.PAIR)
        try:
            self._pair.connect(address)
            self._fd = int(self._pair.getsockopt(zmq.FD))
            host.add_reader(self._fd, self.drain)
        except BaseException:
            socket.monitor(None, 0)
            release_socket(self._pair)
            raise
        host.soon(self.drain)

    def drain(self) -> None:
        """Tell every event that is there."""
        while not self._closed:
            try:
                parts = self._pair.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            event = parse_monitor_message(parts)
            self._on_event(int(event["event"]), int(event["value"]))

    def close(self) -> None:
        """Read no more. On the host's thread. Idempotent."""
        if not self._closed:
            self._closed = True
            self._host.remove_reader(self._fd)
            release_socket(self._pair)
