"""The two ends of a wire, by the name of its channel."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from ..channels.carrier import Carrier
from ..channels.pipe import PipeCarrier
from ..channels.wire import WireServer
from ..channels.zeromq import accept_peer, dial_router

if TYPE_CHECKING:
    from ..host import Host


def dial_carrier(kind: str, address: Any) -> Carrier:
    """The sender's end: of a descriptor (pipe), or of [endpoint, routing id] (zmq)."""
    if kind == "pipe":
        return PipeCarrier(socket.socket(fileno=address))
    return dial_router(address[0], address[1])


def accept_carrier(kind: str, address: Any, host: Host) -> WireServer:
    """The service's end, reading; on the host's thread."""
    if kind == "pipe":
        server = WireServer(PipeCarrier(socket.socket(fileno=address)), host)
        server.start()
        return server
    return accept_peer(host, address[0], address[1])
