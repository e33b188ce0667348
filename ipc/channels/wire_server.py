"""The service's end of a wire: puts the commands that come into their cells' inboxes, and sends what they answer.

It lives on one host, and all that a host's turn has to say leaves in one frame. A reply that cannot be sent fails its
own caller, and no other.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from ..codec import dumps, find_unknown, join_array, loads_marked
from ..errors import BadFrame, Broken, ChannelError, EndOfChannel, NotSendable
from ..interned import Interned, InternTable
from ..limits import BATCH_BYTES, FRAME_BYTES
from ..remote_errors import pack_error
from .carrier import Carrier
from .frames import (
    ACK,
    DEFINE,
    END,
    ENDED,
    FAIL,
    POKE,
    REPLY,
    RUN,
    is_run,
    pack_definitions,
    stream_frame,
)

if TYPE_CHECKING:
    from ..cell import Cell
    from ..host import Host
    from .receiver import WireReceiver

log = logging.getLogger("ipc")

_FLUSH_BYTES = 16 * BATCH_BYTES
_LARGE_BYTES = 4096


class WireServer:
    """The service's side of a wire; lives on the host, whose thread alone calls it (but for `define`)."""

    def __init__(self, carrier: Carrier, host: Host) -> None:
        self.carrier = carrier
        self.host = host
        self.receivers: dict[int, tuple[WireReceiver, Cell]] = {}
        self.out: list[list[Any]] = []
        self.defined: deque[Interned] = deque()
        self.interned = InternTable(self)
        self.blocked = False
        self.closed = False
        self.dirty = False
        self.weight = 0
        self.bad_frames = 0

    def start(self) -> None:
        """Begin to read; on the host's thread."""
        self.host.add_reader(self.carrier.fileno(), self._readable)

    def _readable(self) -> None:
        if self.closed:
            return
        try:
            self.carrier.receive(self.on_frame)
        except EndOfChannel:
            self.close()
        except BadFrame:
            self.bad_frames += 1
            self.host.bad_frames += 1
            self.close()
        except Broken:
            self.close()
        self.host.turn()

    def on_frame(self, frame: memoryview | bytes) -> None:
        """Queue what a frame brings. Raises `BadFrame`, having queued nothing of the offending item or after it."""
        items, unknown = loads_marked(frame)
        try:
            for item in items:
                kind = item[0]
                if kind == RUN and is_run(item):
                    pair = self.receivers.get(item[1])
                    if pair is None:
                        self.host.bad_frames += 1
                        continue
                    receiver, cell = pair
                    commands = item[7]
                    if unknown:
                        self._queue_known(item, receiver, cell)
                        continue
                    cell.inbox.append(
                        (receiver, item[2], item[3], item[4], tuple(item[5]), commands, item[6], cell.turn_s)
                    )
                    if not cell.ready:
                        cell.wake()
                elif kind == DEFINE:
                    self.interned.incoming(item[1], item[2], item[3])
                elif kind == POKE:
                    if (pair := self.receivers.get(item[1])) is not None:
                        pair[0].ack_at_once = True
                        pair[0].give_back()
                elif kind == END:
                    self._end(item[1])
                else:
                    raise BadFrame(f"an item of kind {kind!r} is not for a service")
        except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise BadFrame(f"not a frame of commands: {error}") from error

    def _queue_known(self, item: list[Any], receiver: WireReceiver, cell: Cell) -> None:
        """A frame held values of types not registered here: refuse those commands, queue the others."""
        run, offset, commands, nbytes = item[2], item[3], item[7], item[6]
        for index, command in enumerate(commands, offset):
            name = find_unknown(command)
            if name is None:
                cell.inbox.append((receiver, run, index, item[4], tuple(item[5]), [command], 0, cell.turn_s))
                cell.wake()
                continue
            error = NotSendable(
                name, "sendable type", "it is not registered in the service's process: import its module there"
            )
            if run:
                receiver.fail(run, index, error)
            else:
                cell.note_error(error, None)
            receiver.served(1, 0, run)
        receiver.served(0, nbytes, run)

    def _end(self, line: int) -> None:
        pair = self.receivers.pop(line, None)
        if pair is not None:
            pair[0].give_back()
            pair[0].wire = None
        self._put([ENDED, line])

    # -- replies -------------------------------------------------------------------------------------------------------

    def put_reply(self, line: int, run: int, offset: int, values: list[Any]) -> None:
        """Queue replies; they leave when the host's turn ends, large ones at once."""
        self._put([REPLY, line, run, offset, values])
        first = values[0]
        if type(first) is bytes and len(first) > _LARGE_BYTES:
            self.weight += len(first) * len(values)
            if self.weight > _FLUSH_BYTES and self.host.is_current():
                self.flush()

    def put_error(self, line: int, run: int, offset: int, error: BaseException) -> None:
        """Queue an error as a reply."""
        self._put([FAIL, line, run, offset, pack_error(error)])

    def put_ack(self, line: int, count: int, nbytes: int, casts: int) -> None:
        """Queue an acknowledgement."""
        self._put([ACK, line, count, nbytes, casts])

    def _put(self, item: list[Any]) -> None:
        self.out.append(item)
        if not self.dirty:
            self.dirty = True
            self.host.to_flush(self)

    def define(self, handle: Interned) -> None:
        """Send the newer version of an interned value that the other side knows. Thread-safe."""
        self.defined.append(handle)
        self.host.soon(self.flush)

    def flush(self) -> None:
        """Send what is queued, as far as the carrier takes it."""
        self.dirty = False
        self.weight = 0
        if self.closed or self.blocked:
            return
        try:
            sent = True
            handles: list[Interned] = list(self.defined)
            self.defined.clear()
            out = self.out[:]
            del self.out[: len(out)]
            if out or handles:
                payload = self._pack(out, handles) if out else b""
                if handles and (definitions := self.interned.outgoing(handles)):
                    sent = self.carrier.send(stream_frame(pack_definitions(definitions)))
                if len(payload) > FRAME_BYTES:
                    for item in out:
                        sent = self.carrier.send(stream_frame(_alone(item)))
                elif payload:
                    sent = self.carrier.send(stream_frame(payload))
        except ChannelError as error:
            log.info("replies could not be sent: %s", error)  # whoever waits for them learns why from the tree
            self.close()
            return
        if not sent:
            self.blocked = True
            self.host.add_writer(self.carrier.fileno(), self._writable)

    def _writable(self) -> None:
        if self.closed:
            return
        try:
            if not self.carrier.send_more():
                return
        except ChannelError:
            self.close()
            return
        self.blocked = False
        self.host.remove_writer(self.carrier.fileno())
        self.flush()

    @staticmethod
    def _pack(out: list[list[Any]], handles: list[Interned]) -> bytes:
        try:
            return dumps(out, handles, 1)
        except NotSendable:
            handles.clear()
            return join_array([checked for item in out for checked in check_item(item, handles)])

    def close(self) -> None:
        """The sender is gone: its receivers hold no address any more. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self.interned.close()
        for receiver, cell in self.receivers.values():
            if receiver.wire is self:
                receiver.wire = None
            cell.receivers.pop(receiver.port, None)
        self.receivers.clear()
        self.host.remove_reader(self.carrier.fileno())
        self.host.remove_writer(self.carrier.fileno())
        self.host.drop_wire(self)
        self.carrier.close()


def _alone(item: list[Any]) -> bytes:
    """A frame of this item only; where replies are too large for any frame, their callers get the error."""
    payload = dumps([item], [], 1)
    if len(payload) <= FRAME_BYTES:
        return payload
    _, line, run, offset, values = item
    reason = f"{len(payload)} bytes of replies"
    error = pack_error(NotSendable("reply", reason, f"a frame has at most {FRAME_BYTES} bytes: reply in parts"))
    return dumps([[FAIL, line, run, index, error] for index in range(offset, offset + len(values))])


def check_item(item: list[Any], handles: list[Interned]) -> list[bytes]:
    """The item, packed; where a reply in it cannot be sent, that caller gets the error, and the others their reply."""
    try:
        return [dumps(item, handles, 2)]
    except NotSendable:
        _, line, run, offset, values = item
    checked: list[bytes] = []
    for index, value in enumerate(values, offset):
        try:
            checked.append(dumps([REPLY, line, run, index, [value]], handles, 2))
        except NotSendable as error:
            path = error.path.removeprefix("list[4][0]")
            error = NotSendable(type(value).__name__ + path, error.type_name, error.hint)
            checked.append(dumps([FAIL, line, run, index, pack_error(error)]))
    return checked
