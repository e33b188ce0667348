"""One remote caller, as the gateway has it: an ordinary port of the tree, its calls, and what is to be said to it.

Theory. What comes is checked, charged to the caller's credits, and sent through the port as a client of this process
would send it: so the service may be anywhere, and be moved. The port's own bounds are the caller's, so it never is
full. Replies are put into `out`, by whichever thread brings them, and packed on the gateway's host, one frame a turn.
What ZeroMQ does not take (the caller does not read) is kept, and no credits are given meanwhile: so all that a caller
can make this side hold is bounded by its credits. A command after whose deadline nobody answers is forgotten by
`sweep`.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from ..channels import frames
from ..channels.port import Port
from ..channels.sender import CAST, NO_DEADLINE, Sender
from ..channels.waiters import Failure
from ..channels.wire_client import WireClient
from ..codec import dumps, find_unknown, height
from ..commands import most_of_size
from ..errors import BadFrame, Broken, Full, IpcError, NotSendable
from ..limits import FRAME_BYTES, NEST_DEPTH, REMOTE_SLACK_BYTES, STALL_TIMEOUT_S
from ..remote_errors import pack_error
from .credits import Credits
from .guard import read_items, read_values
from .messages import END, ENDED_ITEM, POKE, RUN, pack_ack, pack_fail, pack_frame, pack_reply, read_run
from .waiter import PeerWaiter, Room

if TYPE_CHECKING:
    from ..tree.records import PortRecord
    from .gateway import Gateway

_FLUSH_BYTES = 1 << 20
_MOST_BYTES = FRAME_BYTES - REMOTE_SLACK_BYTES
_LATE_S = 1.0
_FRAME_DEPTH = 3
"""Containers around a command in a frame between the processes of this machine."""

_UNANSWERED = 4
"""Times the bound in commands that may have been served and wait for their answers (`later`)."""


class State(Enum):
    """A caller's life at the gateway."""

    OPENING = auto()
    """Said HELLO; its port is being made. Left by WELCOME, or by its vanishing."""
    OPEN = auto()
    """Was said WELCOME. Left by its vanishing, or by our GOODBYE."""
    LEAVING = auto()
    """Was said GOODBYE: whatever it sends is not looked at. Left when its connection ends, which is cut soon."""
    GONE = auto()
    """Its connection has ended; its port goes when what it had sent is served."""


class Overrun(Exception):
    """The caller sent more than its credits."""


class Peer:
    """Lives on the gateway's host, but for `reply`, `fail` and `wake`, which are thread-safe."""

    def __init__(self, gateway: Gateway, routing_id: bytes, key: str, fd: int, address: Any) -> None:
        self.gateway = gateway
        self.id = routing_id
        self.key = key
        self.fd = fd
        self.address = address
        self.state = State.OPENING
        self.record: PortRecord | None = None
        self.port: Port | None = None
        self.credits = Credits(gateway.bounds.commands, gateway.bounds.bytes)
        self.out: deque[tuple[int, int, list[Any]]] = deque()
        self.dirty = False
        self.kept: bytes | None = None
        self.kept_since = 0.0
        self.gone_since = 0.0
        self.ack_at_once = False
        self.ending = False
        self.poked = False
        self.unanswered = 0
        self.room = Room(self)
        self.reading: set[WireClient] = set()

    # -- what the caller sends -----------------------------------------------------------------------------------------

    def on_frame(self, frame: bytes) -> None:
        """Hand the commands of a frame to the service. Raises `BadFrame` or `Overrun`, those before handed in."""
        port = self.port
        assert port is not None
        poked = False
        try:
            for item in read_items(frame):
                kind = item[0]
                if kind == RUN:
                    self._run(port, *read_run(item))
                elif kind == POKE and len(item) == 1:
                    poked = True
                elif kind == END and len(item) == 1:
                    self.ending = True
                    self.wake()
                else:
                    raise BadFrame(f"an item of kind {kind} is not for an exposure")
        finally:
            self._arm(port)
        if poked:
            self.ack_at_once = True
            self.wake()
        if self.ack_at_once:
            self._poke(port)

    def _run(self, port: Port, run: int, remaining_s: float, nbytes: int, body: bytes) -> None:
        if not self.credits.has_bytes(nbytes):
            raise Overrun
        commands, unknown = read_values(body)
        if not self.credits.take(len(commands), nbytes):
            raise Overrun
        deadline_s = self.gateway.host.clock() + remaining_s if run else NO_DEADLINE
        error: BaseException
        if run and self.unanswered + len(commands) > _UNANSWERED * self.credits.commands:
            error = Full(f"{self.unanswered} calls wait for service {port.target!r} to answer: no more until it has")
        elif len(body) > NEST_DEPTH - _FRAME_DEPTH and height(commands) > NEST_DEPTH - _FRAME_DEPTH + 1:
            error = NotSendable(
                "command", "value", f"between machines values nest at most {NEST_DEPTH - _FRAME_DEPTH} deep"
            )
        elif not unknown and len(port.senders) == 1:
            try:
                self._send(port, port.senders[0], run, commands, deadline_s, None)
                return
            except IpcError as raised:
                error = raised
        else:
            self._deal(port, run, commands, deadline_s, bool(unknown))
            return
        self._refuse(run, list(range(len(commands))), error)

    def _deal(self, port: Port, run: int, commands: list[Any], deadline_s: float, unknown: bool) -> None:
        """Commands for several shards, or not all of them known here."""
        parts: dict[int, tuple[Sender, list[int], list[Any]]] = {}
        for position, command in enumerate(commands):
            name = find_unknown(command) if unknown else None
            try:
                if name is not None:
                    raise NotSendable(
                        name, "sendable type", "it is not registered where the service is: import its module there"
                    )
                sender = port.sender_for(command)
            except Exception as error:
                self._refuse(run, [position], error)
                continue
            _, positions, part = parts.setdefault(sender.line, (sender, [], []))
            positions.append(position)
            part.append(command)
        for sender, positions, part in parts.values():
            try:
                self._send(port, sender, run, part, deadline_s, positions)
            except IpcError as error:
                self._refuse(run, positions, error)

    def _send(
        self, port: Port, sender: Sender, run: int, commands: list[Any], deadline_s: float, positions: list[int] | None
    ) -> None:
        if not run:
            sender.push(CAST, NO_DEADLINE, (), commands, None, 0.0)
            return
        port.send(sender, commands, PeerWaiter(self, run, len(commands), deadline_s, positions), 0.0, deadline_s)
        self.unanswered += len(commands)

    def _refuse(self, run: int, positions: list[int], error: BaseException) -> None:
        """These commands do not reach the service: their caller is told, or they are counted."""
        if not run:
            self.gateway.lost += len(positions)
            return
        self.unanswered += len(positions)
        for position in positions:
            self.fail(run, position, error)

    @staticmethod
    def _poke(port: Port) -> None:
        for sender in port.senders:
            if (wire := sender.wire) is not None and sender.outstanding()[0]:
                wire.control.append(dumps([frames.POKE, sender.line]))
                wire.kick()

    # -- credits -------------------------------------------------------------------------------------------------------

    def _arm(self, port: Port) -> None:
        """Be told when the service has served something; and look whether it has already."""
        self._listen(port)
        if self.credits.due(self.outstanding(port)) >= self._threshold():
            self.wake()

    def _listen(self, port: Port) -> None:
        """Be woken by each sender that gets room, over wires that are read for it."""
        for sender in port.senders:
            if self.room not in sender.room_waiters:
                with sender.lock:
                    sender.room_waiters.append(self.room)
            wire = sender.wire
            if wire is not None and wire not in self.reading:
                self.reading = {known for known in self.reading if not known.closed}
                self.reading.add(wire)
                wire.demand(1)

    def _threshold(self) -> int:
        return 1 if self.ack_at_once else max(1, self.credits.commands // 4)

    @staticmethod
    def outstanding(port: Port) -> int:
        """Commands that the service has not served yet."""
        return sum(sender.sent - sender.done for sender in port.senders)

    # -- what is said to the caller ------------------------------------------------------------------------------------

    def reply(self, run: int, offset: int, values: list[Any]) -> None:
        """Replies to consecutive commands of a run; a `Failure` among them is an error."""
        self.out.append((run, offset, values))
        self.wake()

    def fail(self, run: int, offset: int, error: BaseException) -> None:
        """An error instead of a reply."""
        self.reply(run, offset, [Failure(error)])

    def wake(self) -> None:
        """There is something to say, or credits to give."""
        if not self.dirty:
            self.dirty = True
            self.gateway.host.to_flush(self)

    def flush(self) -> None:
        """Say what there is to say, as far as ZeroMQ takes it. On the host's thread."""
        self.dirty = False
        port = self.port
        if port is None:
            return
        if self.state is not State.OPEN:
            self.out.clear()
            if self.state is State.GONE:
                self.gateway.retire(self)
            return
        try:
            if self.kept is not None:
                if not self.gateway.send(self.id, self.kept):
                    return
                self.kept = None
                self.gateway.blocked.discard(self)
            while (frame := self._next_frame(port)) is not None:
                if not self.gateway.send(self.id, frame):
                    self.kept, self.kept_since = frame, self.gateway.host.clock()
                    self.gateway.blocked.add(self)
                    return
        except Broken:
            return  # its connection has ended, which the monitor tells
        if self.outstanding(port):
            self._arm(port)

    def _next_frame(self, port: Port) -> bytes | None:
        items: list[bytes] = []
        size = 0
        while self.out and size < _FLUSH_BYTES:
            run, offset, values = self.out.popleft()
            if len(values) > 1 and len(values) > (most := most_of_size(values[0])):
                self.out.appendleft((run, offset + most, values[most:]))
                values = values[:most]
            self.unanswered -= len(values)
            for item in pack_replies(run, offset, values):
                items.append(item)
                size += len(item)
        outstanding = self.outstanding(port)
        if self.credits.due(outstanding) >= (1 if items else self._threshold()):
            items.append(pack_ack(*self.credits.give(outstanding)))
        if self.ending and not self.out:
            if any(sender.out for sender in port.senders):
                self.gateway.host.loop.call_later(0.01, self.wake)
            else:
                self.ending = False
                items.append(ENDED_ITEM)
        return pack_frame(items) if items else None

    # -- life ----------------------------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """Forget runs that nobody waits for any more. Raises `Overrun` where the caller does not read its replies."""
        port = self.port
        if port is None:
            return
        for run, waiter in list(port.pending.items()):
            if type(waiter) is PeerWaiter and now > waiter.deadline_s + _LATE_S:
                port.forget(run)
                self.unanswered -= waiter.remaining
        if self.kept is not None and now > self.kept_since + STALL_TIMEOUT_S:
            raise Overrun

    def served(self) -> bool:
        """Whether nothing waits any more that the caller, now gone, had sent; where not, `wake` comes later."""
        port = self.port
        if port is None or not self.outstanding(port):
            return True
        if not self.poked:
            self.poked = True
            self._poke(port)
        self._listen(port)
        return not self.outstanding(port)

    def silence(self) -> None:
        """Nothing more is said to it. Idempotent."""
        self.out.clear()
        self.kept = None
        self.gateway.blocked.discard(self)

    def release(self) -> None:
        """Its wires need not be read for it any more. Idempotent."""
        reading, self.reading = self.reading, set()
        for wire in reading:
            if not wire.closed:
                wire.demand(-1)


def pack_replies(run: int, offset: int, values: list[Any]) -> list[bytes]:
    """Items for consecutive replies; one that cannot be sent is an error of its own. Never raises."""
    if Failure not in map(type, values):
        try:
            return [pack_reply(run, offset, _pack(values))]
        except IpcError as error:
            if len(values) == 1:
                return [pack_fail(run, offset, pack_error(error))]
    elif len(values) == 1:
        return [pack_fail(run, offset, pack_error(values[0].error))]
    return [item for index, value in enumerate(values) for item in pack_replies(run, offset + index, [value])]


def _pack(values: list[Any]) -> bytes:
    handles: list[Any] = []
    body = dumps(values, handles)
    if handles:
        raise NotSendable(f"{handles[0].key}", "Interned", "it does not cross machines: send its .value")
    if len(body) > _MOST_BYTES:
        raise Full(f"a reply of {len(body)} bytes does not fit a frame of {_MOST_BYTES}: answer in parts")
    return body
