"""One program at the door: its frames in, its replies out, and no more of either than it has room for."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import Any, Final

from ...codec.frame import FrameReader
from ...control import pack_error
from ...control.limits import CLIENT_REQUESTS, HALF_READ_BYTES, REQUEST_BYTES, UNREAD_BYTES
from ...errors import MdhtError, RemoteError

_log: Final = logging.getLogger(__name__)


class Clients(ABC):
    """Who is told of a client."""

    @abstractmethod
    def entered(self, client: DoorClient) -> bool:
        """It has connected; whether it may stay. One that may not is sent the reason by who says so."""

    @abstractmethod
    def asked(self, client: DoorClient, body: bytes) -> None:
        """One frame of it. Each that is a request is counted in `waiting` until `answered`."""

    @abstractmethod
    def misspoke(self, client: DoorClient, error: MdhtError) -> None:
        """What it sends is no frame."""

    @abstractmethod
    def left(self, client: DoorClient) -> None:
        """Its connection is over."""


class DoorClient(asyncio.Protocol):
    """See the module. It is read only while it has room for another request and takes its replies."""

    def __init__(self, clients: Clients, name: bytes) -> None:
        """`name` is told apart from those of all other clients of this door."""
        self.name = name
        self._clients = clients
        self._frames = FrameReader(REQUEST_BYTES)
        self._inside = self._pumping = self._paused = False
        self._writable = True
        self.transport: Any = None
        self.waiting = 0
        """Requests that are not answered yet."""

    # -- what the loop tells -------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(HALF_READ_BYTES)
        self._inside = self._clients.entered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport, self._inside = None, False
        self._clients.left(self)

    def data_received(self, data: bytes) -> None:
        if self._inside:
            self._pump(data)

    def pause_writing(self) -> None:
        self._writable = False
        self._throttle()

    def resume_writing(self) -> None:
        self._writable = True
        if self._paused:
            self._pump()

    # -- reading -------------------------------------------------------------------------------------------------------

    @property
    def _room(self) -> int:
        return CLIENT_REQUESTS - self.waiting if self._inside and self._writable else 0

    def _pump(self, data: bytes = b"") -> None:
        """Hand on as many frames as there is room for. An answer that comes meanwhile makes room for the next round."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while bodies := self._frames.feed(data, self._room):
                data = b""
                for body in bodies:
                    if self._inside:
                        self._clients.asked(self, body)
        except RemoteError as error:
            self._clients.misspoke(self, error)
        finally:
            self._pumping = False
        self._throttle()

    def _throttle(self) -> None:
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if self._room and self._paused:
            self._paused = False
            transport.resume_reading()
        elif not self._room and not self._paused:
            self._paused = True
            transport.pause_reading()

    # -- what the door wants -------------------------------------------------------------------------------------------

    def answered(self) -> None:
        """One of its requests was."""
        self.waiting -= 1
        if self._paused:
            self._pump()

    def write(self, frame: bytes) -> None:
        """Write, unless it has left; cut it off where it takes nothing."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        transport.write(frame)
        if transport.get_write_buffer_size() > UNREAD_BYTES:
            _log.warning("a client of the door takes no answers: it is cut off")
            transport.abort()

    def end(self, error: MdhtError) -> None:
        """Say why, and close."""
        self.write(pack_error(0, error))
        self.close()

    def close(self) -> None:
        """Close once everything is written."""
        self._inside = False
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._inside = False
        if self.transport is not None:
            self.transport.abort()
