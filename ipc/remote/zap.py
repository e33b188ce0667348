"""Who may connect: the ZeroMQ authentication protocol (ZAP, https://rfc.zeromq.org/spec/27/).

Theory. libzmq asks, for each CURVE handshake of the process's context, whoever is bound to `inproc://zeromq.zap.01`:
domain, address, client key? Every exposure has a domain of its own, so one desk answers for all of them, each with its
own allow-list. The desk needs no thread: it is read by the host of one exposure, and handed to that of another when it
closes. Handing over moves the socket's descriptor to the other loop; the socket itself is never shut in between, and
every exposure's socket sets ZAP_ENFORCE_DOMAIN, so that without a desk nobody is let in.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import zmq
from zmq.utils import z85

from ..channels.zeromq import release_socket, take_socket

if TYPE_CHECKING:
    from ..host import Host

ENDPOINT = "inproc://zeromq.zap.01"
_VERSION = b"1.0"


class AllowList:
    """The public keys of those who may connect to one exposure. Thread-safe: the set is replaced, never changed."""

    def __init__(self, keys: frozenset[str]) -> None:
        self.keys = keys
        self._lock = threading.Lock()

    def add(self, key: str) -> None:
        """Allow a key."""
        with self._lock:
            self.keys |= {key}

    def remove(self, key: str) -> None:
        """Allow it no more; no error where it was not allowed."""
        with self._lock:
            self.keys -= {key}


def decide(request: Sequence[bytes], lists: Mapping[bytes, AllowList]) -> list[bytes]:
    """The reply to one request: 200 with the key as user id, or 400; 500 where the request has no sense."""
    if len(request) != 7 or request[0] != _VERSION:
        return [
            _VERSION,
            request[1] if len(request) > 1 else b"",
            b"500",
            b"not a request of ZAP 1.0 for CURVE",
            b"",
            b"",
        ]
    _, number, domain, _, _, mechanism, credentials = request
    allowed = lists.get(domain)
    if allowed is not None and mechanism == b"CURVE" and len(credentials) == 32:
        key: bytes = z85.encode(credentials)
        if key.decode() in allowed.keys:
            return [_VERSION, number, b"200", b"OK", key, b""]
    return [_VERSION, number, b"400", b"this key is not allowed", b"", b""]


class _Desk:
    """The socket that is asked, read by the first of `hosts`."""

    def __init__(self, host: Host) -> None:
        self.socket = take_socket(zmq.REP)
        self.hosts: list[Host] = []
        self.lists: dict[bytes, AllowList] = {}
        self.reader = host
        try:
            self.socket.bind(ENDPOINT)
            self.fd = int(self.socket.getsockopt(zmq.FD))
            self.begin()
        except BaseException:
            release_socket(self.socket)
            raise

    def begin(self) -> None:
        """On the reader's thread: read from now on, and answer what has come."""
        if not self.socket.closed and self.reader.is_current():
            self.reader.add_reader(self.fd, self.answer)
            self.answer()

    def answer(self) -> None:
        """Answer every request that is there."""
        with contextlib.suppress(zmq.Again):
            while not self.socket.closed:
                self.socket.send_multipart(decide(self.socket.recv_multipart(zmq.NOBLOCK), self.lists))


_desk: _Desk | None = None
_lock = threading.RLock()


def join(domain: bytes, allowed: AllowList, host: Host) -> None:
    """Let the desk answer for a domain, too. On the host's thread. Raises `zmq.ZMQError`."""
    global _desk
    with _lock:
        if _desk is None:
            _desk = _Desk(host)
        _desk.hosts.append(host)
        _desk.lists[domain] = allowed


def leave(domain: bytes, host: Host) -> None:
    """Answer for a domain no more; the last one closes the desk. On the host's thread. No error where it had left."""
    global _desk
    with _lock:
        desk = _desk
        if desk is None or desk.lists.pop(domain, None) is None:
            return
        desk.hosts.remove(host)
        if desk.reader in desk.hosts:
            return
        host.remove_reader(desk.fd)
        if desk.hosts:
            desk.reader = desk.hosts[0]
            desk.reader.soon(desk.begin)
            return
        _desk = None
    release_socket(desk.socket)
