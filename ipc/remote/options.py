"""The options of the sockets at both ends of a tcp connection: keys, heartbeats, and what bounds a peer inside ZeroMQ.

A ROUTER that is told to (ROUTER_MANDATORY) refuses to send past the high-water mark of a peer instead of dropping, so
here the marks are on: they hold a peer that does not read, and TCP one that sends too fast. Commands are bounded by
credits. The caller's socket does not connect again by itself: ZeroMQ would send what it has queued to whoever is there
then, and not say what was lost. (Not by the interval of -1 that is meant for this: the last messages would go with the
connection.)
"""

from __future__ import annotations

import zmq

from ..channels.zeromq import release_socket, take_socket
from ..errors import Insecure
from ..limits import (
    FRAME_BYTES,
    HANDSHAKE_TIMEOUT_S,
    HEARTBEAT_S,
    HEARTBEAT_TIMEOUT_S,
    REMOTE_FRAMES,
    REMOTE_SLACK_BYTES,
)
from .curve import Curve

_NEVER_MS = 86_400_000
"""A day: the socket is closed long before."""


def server_socket(curve: Curve, domain: bytes, most_bytes: int, ipv6: bool) -> zmq.Socket[bytes]:
    """A ROUTER that lets in whom the desk allows for `domain`, and takes frames of `most_bytes` and a little more."""
    socket = take_socket(zmq.ROUTER)
    try:
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.ZAP_DOMAIN, domain)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.SNDHWM, REMOTE_FRAMES)
        socket.setsockopt(zmq.RCVHWM, REMOTE_FRAMES)
        socket.setsockopt(zmq.MAXMSGSIZE, most_bytes + REMOTE_SLACK_BYTES)
        _both(socket, curve, ipv6)
    except BaseException:
        release_socket(socket)
        raise
    return socket


def client_socket(curve: Curve, server_key: str, ipv6: bool) -> zmq.Socket[bytes]:
    """A DEALER that talks to nobody but the owner of `server_key`, on one connection and no second."""
    socket = take_socket(zmq.DEALER)
    try:
        socket.setsockopt(zmq.CURVE_SERVERKEY, server_key.encode())
        socket.setsockopt(zmq.RECONNECT_IVL, _NEVER_MS)
        socket.setsockopt(zmq.RCVHWM, REMOTE_FRAMES)
        socket.setsockopt(zmq.MAXMSGSIZE, FRAME_BYTES)
        _both(socket, curve, ipv6)
    except BaseException:
        release_socket(socket)
        raise
    return socket


def _both(socket: zmq.Socket[bytes], curve: Curve, ipv6: bool) -> None:
    if not isinstance(curve, Curve):
        raise Insecure("no CURVE keys: make them by Curve.generate(), keep them by save(path)")
    socket.setsockopt(zmq.CURVE_PUBLICKEY, curve.public.encode())
    socket.setsockopt(zmq.CURVE_SECRETKEY, curve.secret.encode())
    socket.setsockopt(zmq.IPV6, int(ipv6))
    socket.setsockopt(zmq.HANDSHAKE_IVL, _ms(HANDSHAKE_TIMEOUT_S))
    socket.setsockopt(zmq.HEARTBEAT_IVL, _ms(HEARTBEAT_S))
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _ms(HEARTBEAT_TIMEOUT_S))
    socket.setsockopt(zmq.HEARTBEAT_TTL, _ms(HEARTBEAT_TIMEOUT_S))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
