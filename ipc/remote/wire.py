"""The caller's side of a connection: a wire as between processes, but for what crosses it (`messages`).

Theory. All that `WireClient` does stays (who reads, who sends, batches): only packing and unpacking are other. The end
of the connection is told by ZeroMQ's monitor, on the host, while whoever waits reads the socket: so the end is left
with the carrier, and comes out of it behind the last frame.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import zmq

from ..channels.credit import Credit
from ..channels.frames import finish_frame
from ..channels.out import Out
from ..channels.sender import Sender
from ..channels.waiters import Waiter
from ..channels.wire_client import WireClient, mark_unknown
from ..channels.zeromq import DealerCarrier
from ..codec import array_header
from ..errors import BadFrame, Broken, EndOfChannel, Full, NotSendable
from ..limits import BATCH_BYTES
from .guard import read_items, read_values
from .messages import (
    ACK,
    END_ITEM,
    ENDED,
    FAIL,
    GOODBYE,
    POKE_ITEM,
    REPLY,
    pack_run,
    read_ack,
    read_fail,
    read_goodbye,
    read_reply,
)

_ONE_COMMAND = array_header(1)
_FLUSH_BYTES = 16 * BATCH_BYTES
"""A frame is sent when it has so many bytes: the gateway takes this and its bound in bytes, and a little more."""


class RemoteCarrier(DealerCarrier):
    """The DEALER; `end` says that nothing more will come than what is there."""

    def __init__(self, socket: zmq.Socket[bytes], on_closed: Callable[[], None]) -> None:
        super().__init__(socket)
        self._gone = ""
        self._on_closed = on_closed
        self.closed = threading.Event()

    def end(self, reason: str) -> None:
        """The connection has ended. Thread-safe, also while another thread receives."""
        with self._lock:
            if self._socket.closed or self._gone:
                return
            self._gone = reason
            os.eventfd_write(self._kick, 1)

    def send(self, buffers: list[bytes]) -> bool:
        if self._gone:
            raise Broken(self._gone)
        return super().send(buffers)

    def _drain(self, on_frame: Callable[[memoryview | bytes], None]) -> bool:
        gone = self._gone
        got = super()._drain(on_frame)
        if gone:
            if not got:
                raise Broken(gone)
            os.eventfd_write(self._kick, 1)
        return got

    def close(self) -> None:
        with self._lock:
            if self._socket.closed:
                return
            self._socket.monitor(None, 0)
        super().close()
        self._on_closed()
        self.closed.set()


class RemoteSender(Sender):
    """Refuses what may not leave the machine."""

    __slots__ = ()

    def _append(
        self,
        run: int,
        offset: int,
        deadline: float,
        chain: tuple[int, ...],
        commands: list[Any],
        packed: tuple[bytes, list[Any]] | None,
        nbytes: int,
        waiter: Waiter | None,
    ) -> None:
        if packed is not None and packed[1]:
            key = str(packed[1][0].key)
            raise NotSendable(key, "Interned", "it does not cross machines: send its .value")
        super()._append(run, offset, deadline, chain, commands, packed, nbytes, waiter)

    def _full(self, count: int, nbytes: int) -> Full | None:
        full = super()._full(count, nbytes)
        if full is not None and isinstance(wire := self.wire, RemoteWire):
            wire.refused()
        return full


class RemoteWire(WireClient):
    """One connection, one sender."""

    def _send_once(self) -> bool:
        parts: list[bytes] = []
        items = size = 0
        while self.dirty and size < _FLUSH_BYTES:
            sender = self.dirty.popleft()
            out = self._take_out(sender, _FLUSH_BYTES - size)
            now = time.monotonic()
            for entry in out:
                body: bytes = entry.body
                if entry.bare:
                    head = pack_run(entry.run, entry.deadline - now, entry.nbytes, len(body) + 1) + _ONE_COMMAND
                else:
                    head = pack_run(entry.run, entry.deadline - now, entry.nbytes, len(body))
                parts.append(head)
                parts.append(body)
                size += len(head) + len(body)
                items += 1
        if not self.dirty:
            while self.control:
                item = self.control.popleft()
                parts.append(item)
                size += len(item)
                items += 1
        return self.carrier.send(finish_frame(parts, items, size)) if items else True

    def _take_out(self, sender: Sender, most_bytes: int) -> list[Out]:
        """What fits a frame: the run that goes past `most_bytes` is the last one, and the rest stays."""
        with sender.lock:
            if sender.wire is not self:
                return []
            sender.tail = None
            count = 0
            for entry in sender.out:
                entry.close_batch()
                count += 1
                most_bytes -= entry.nbytes
                if most_bytes <= 0:
                    break
            out, sender.out = sender.out[:count], sender.out[count:]
            if sender.out:
                self.dirty.append(sender)
            for entry in out:
                if entry.waiter is not None:
                    entry.waiter.left = True
        return out

    def poke(self, sender: Credit) -> None:
        """Say that this sender waits for room."""
        self.control.append(POKE_ITEM)
        self.flush(will_read=True)

    def refused(self) -> None:
        """A sender was refused and does not wait for room: from now on the host reads that there is some."""
        self.control.append(POKE_ITEM)
        self.kick()
        self._keep_reading()

    def end(self, sender: Sender) -> None:
        """Ask to be told when everything sent so far was taken in."""
        self.control.append(END_ITEM)
        self.demand(1)
        self.flush()

    def _on_frame(self, frame: memoryview | bytes) -> None:
        items = read_items(frame)
        for sender in self.senders.values():
            for item in items:
                self._on_item(sender, item)

    def _on_item(self, sender: Sender, item: list[Any]) -> None:
        kind, port = item[0], sender.port
        if kind == REPLY:
            run, offset, body = read_reply(item)
            values, unknown = read_values(body)
            self._check(sender, run, offset + len(values))
            port.fill(run, offset, mark_unknown(values) if unknown else values)
        elif kind == ACK:
            count, nbytes = read_ack(item)
            most, most_bytes = sender.outstanding()
            if count > most or nbytes > most_bytes:
                raise BadFrame("more was acknowledged than was sent")
            sender.served(count, nbytes)
        elif kind == FAIL:
            run, offset, error = read_fail(item)
            self._check(sender, run, offset + 1)
            port.fail(run, offset, error)
        elif kind == ENDED and len(item) == 1:
            self.demand(-1)
            if sender.ended is not None:
                sender.ended()
        elif kind == GOODBYE:
            raise EndOfChannel(read_goodbye(item).reason)
        else:
            raise BadFrame(f"an item of kind {kind} is not for a caller")

    @staticmethod
    def _check(sender: Sender, run: int, end: int) -> None:
        waiter = sender.port.pending.get(run)
        if waiter is not None and end > waiter.count:
            raise BadFrame("more was answered than was asked")
