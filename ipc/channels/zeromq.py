"""The `zmq` channel: one ROUTER a host, one DEALER a sender's site, a frame a message.

Bounds are the senders' own credits; high-water marks are off, because a ROUTER drops at its mark. A peer is known by
its routing id, 16 random bytes given to it by the tree: a message from any other is foreign, counted and dropped.

ZeroMQ's descriptor is edge-triggered: a send may swallow the edge of a message that has just come, so EVENTS is read
again after every send, and a thread that waits is woken by an event descriptor of our own. Messages are copied: pyzmq's
way without a copy starts a thread that stays.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import zmq

from ..errors import BadFrame, Broken
from ..limits import FRAME_BYTES
from .base import Channel, register_channel
from .carrier import Carrier
from .frames import HEAD_BYTES
from .wire_server import WireServer

if TYPE_CHECKING:
    from ..host import Host

_FRAMES_A_TURN = 256
"""Messages taken before the host looks at others."""

_context: zmq.Context[zmq.Socket[bytes]] | None = None
_users = 0
_context_lock = threading.Lock()


def without_length(buffers: list[bytes]) -> bytes:
    """A message of ZeroMQ knows its own length."""
    head = buffers[0][HEAD_BYTES:]
    return head if len(buffers) == 1 else b"".join([head, *buffers[1:]])


def take_socket(kind: int) -> zmq.Socket[bytes]:
    """A socket of the process's context, which is made for its first socket. Give it back with `release_socket`."""
    global _context, _users
    with _context_lock:
        if _context is None:
            _context = zmq.Context()
        _users += 1
        socket = _context.socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, FRAME_BYTES)
    return socket


def option(socket: zmq.Socket[bytes], name: int) -> int:
    """A socket's option that is a number."""
    value = socket.getsockopt(name)
    assert isinstance(value, int)
    return value


def release_socket(socket: zmq.Socket[bytes]) -> None:
    """Close a socket; the last one ends the context and its threads."""
    global _context, _users
    socket.close()
    with _context_lock:
        _users -= 1
        if _users:
            return
        context, _context = _context, None
    if context is not None:
        context.term()


_LOOKS = 8
"""Turns that a peer who is not known yet is given: what makes it known is in the loop's queue by then."""


class DealerCarrier(Carrier):
    """A sender's end. The socket is used by one thread at a time, under a lock."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self._lock = threading.Lock()
        # 1: readable at first, because a socket nobody has received from yet signals nothing that comes
        self._kick = os.eventfd(1, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(option(socket, zmq.FD), select.EPOLLIN)
        self._epoll.register(self._kick, select.EPOLLIN)
        self._fd = self._epoll.fileno()
        self._woken = False

    def send(self, buffers: list[bytes]) -> bool:
        message = without_length(buffers)
        with self._lock:
            if self._woken:
                raise Broken("this end of the channel is closed")
            try:
                self._socket.send(message, zmq.NOBLOCK)
                if option(self._socket, zmq.EVENTS) & zmq.POLLIN:
                    os.eventfd_write(self._kick, 1)
            except zmq.ZMQError as error:
                raise Broken(f"ZeroMQ cannot send: {error}") from error
        return True

    def send_more(self) -> bool:
        return True

    def receive(self, on_frame: Callable[[memoryview | bytes], None], deadline_s: float | None = None) -> bool:
        while True:
            got = self._drain(on_frame)
            if got or deadline_s is None or self._woken or time.monotonic() >= deadline_s:
                return got
            self.wait(deadline_s)

    def _drain(self, on_frame: Callable[[memoryview | bytes], None]) -> bool:
        got = False
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._kick)
        for _ in range(_FRAMES_A_TURN):
            with self._lock:
                if self._woken:
                    raise Broken("this end of the channel is closed")
                try:
                    frame = self._socket.recv(zmq.NOBLOCK)
                except zmq.Again:
                    return got
                except zmq.ZMQError as error:
                    raise Broken(f"ZeroMQ cannot receive: {error}") from error
            on_frame(frame)
            got = True
        os.eventfd_write(self._kick, 1)
        return got

    def wait(self, deadline_s: float) -> None:
        self._epoll.poll(max(0.0, deadline_s - time.monotonic()))

    def fileno(self) -> int:
        return self._fd

    def wake(self) -> None:
        self._woken = True
        with contextlib.suppress(OSError):
            os.eventfd_write(self._kick, 1)

    def close(self) -> None:
        with self._lock:
            if self._socket.closed:
                return
            self._woken = True
            release_socket(self._socket)
        self._epoll.close()
        os.close(self._kick)


class Router:
    """A host's ROUTER: hands each message to the wire of its peer. On the host's thread."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.socket = take_socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.peers: dict[bytes, WireServer] = {}
        self.early: dict[bytes, list[bytes]] = {}
        self.endpoints: set[str] = set()
        self.stranger: list[bytes] | None = None
        self.looked = 0
        self.closed = False
        host.add_reader(option(self.socket, zmq.FD), self.readable)

    def bind(self, endpoint: str) -> None:
        """Listen there, too."""
        if endpoint not in self.endpoints:
            self.socket.bind(endpoint)
            self.endpoints.add(endpoint)
            self.host.soon(self.readable)  # what came before it was bound is not signalled

    def readable(self) -> None:
        """Take what has come, then let the host run what it brought."""
        if self.closed:
            return
        for _ in range(_FRAMES_A_TURN):
            try:
                parts, self.stranger = self.stranger or self.socket.recv_multipart(zmq.NOBLOCK), None
            except zmq.Again:
                break
            server = self.peers.get(parts[0])
            if server is None and self.host.blocks and self.looked < _LOOKS:
                self.stranger = parts  # the host was in a long call, so `accept` may come only after the first message
                self.looked += 1
                self.host.soon(self.readable)
                break
            self.looked = 0
            if (early := self.early.pop(parts[0], None)) is not None:  # its first says no more than that it is here
                for message in early:
                    self.send(parts[0], message)
                if parts[1:] == [b""]:
                    continue
            if server is None or len(parts) != 2:
                self.host.bad_frames += 1
                continue
            try:
                server.on_frame(parts[1])
            except BadFrame:
                server.bad_frames += 1
                self.host.bad_frames += 1
        else:
            self.host.soon(self.readable)
        self.host.turn()

    def send(self, peer: bytes, message: bytes) -> None:
        """Send one message, once the peer has connected. Raises `Broken` where it is gone."""
        if (early := self.early.get(peer)) is not None:
            early.append(message)
            return
        try:
            self.socket.send(peer, zmq.NOBLOCK | zmq.SNDMORE)
            self.socket.send(message, zmq.NOBLOCK)
            if option(self.socket, zmq.EVENTS) & zmq.POLLIN:
                self.host.soon(self.readable)
        except zmq.ZMQError as error:
            raise Broken(f"ZeroMQ cannot send to that peer: {error}") from error

    def drop(self, peer: bytes) -> None:
        """A peer is gone; the last one takes the socket with it."""
        self.peers.pop(peer, None)
        self.early.pop(peer, None)
        if not self.peers and not self.closed:
            self.closed = True
            self.host.remove_reader(option(self.socket, zmq.FD))
            self.host.attachments.pop("zmq", None)
            release_socket(self.socket)


class PeerCarrier(Carrier):
    """The service's end of one peer's wire: sends through the host's router, which does the receiving."""

    def __init__(self, router: Router, peer: bytes) -> None:
        self._router = router
        self._peer = peer

    def send(self, buffers: list[bytes]) -> bool:
        message = without_length(buffers)
        self._router.send(self._peer, message)
        return True

    def send_more(self) -> bool:
        return True

    def receive(self, on_frame: Callable[[memoryview | bytes], None], deadline_s: float | None = None) -> bool:
        return False

    def wait(self, deadline_s: float) -> None:
        return

    def fileno(self) -> int:
        return -1

    def wake(self) -> None:
        return

    def close(self) -> None:
        self._router.drop(self._peer)


class ZmqChannel(Channel):
    """A ROUTER a host, at an `inproc://` or `ipc://` endpoint; addresses are [endpoint, routing id]."""

    name = "zmq"

    def link(self, run_dir: str, number: int) -> tuple[list[Any], list[Any], str]:
        path = f"{run_dir}/{number}" if run_dir else ""
        endpoint = f"ipc://{path}" if path else f"inproc://ipc-{os.getpid()}-{secrets.token_hex(8)}"
        address = [endpoint, b"\x01" + secrets.token_bytes(15)]
        return address, address, path

    def dial(self, address: Any) -> Carrier:
        endpoint, routing_id = address
        socket = take_socket(zmq.DEALER)
        socket.setsockopt(zmq.ROUTING_ID, routing_id)
        socket.connect(endpoint)
        socket.send(b"", zmq.NOBLOCK)  # says that it is here: a ROUTER cannot send to who has not connected yet
        return DealerCarrier(socket)

    def accept(self, address: Any, host: Host) -> WireServer:
        endpoint, routing_id = address
        router = host.attachments.get("zmq")
        if router is None:
            router = host.attachments["zmq"] = Router(host)
        router.bind(endpoint)
        server = WireServer(PeerCarrier(router, routing_id), host)
        router.peers[routing_id] = server
        router.early[routing_id] = []
        return server


register_channel(ZmqChannel())
