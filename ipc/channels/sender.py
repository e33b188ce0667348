"""The sending end of a channel: one sender towards one shard of a service.

Theory. A sender is attached to a *cell* of its own process (commands pass as objects), to a *wire* (they pass packed),
or to nothing, while the service moves or is restarted: then they wait in `out`, and leave in order when it is attached
again. The bound counts every command from `cast` or `call` until the service has served it, wherever it is meanwhile,
so nothing behind a sender can grow past it (`credit`).
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from ..codec import PACK_ERRORS, pack_plain
from ..errors import NotSendable
from ..limits import BATCH_BYTES, BATCH_COMMANDS
from ..refs import STATE
from .bounds import local_size
from .credit import Credit
from .crossing import as_is, between_hosts
from .out import Out, pack_commands
from .waiters import ThreadWaiter, Waiter

if TYPE_CHECKING:
    from ..cell import Cell
    from .port import Port
    from .receiver import LocalReceiver
    from .wire_client import WireClient

NO_DEADLINE = math.inf
CAST = 0
"""The run number of commands that want no reply."""


class Sender(Credit):
    """Thread-safe. Made by the tree; used by clients and outlets through their `Port`."""

    __slots__ = ("cell", "concurrent", "cross", "ended", "out", "retired", "rx", "tail", "tail_bytes", "target")

    def __init__(self, port: Port, line: int, target: int, concurrent: bool) -> None:
        super().__init__(port, line)
        self.target = target
        self.concurrent = concurrent
        self.cell: Cell | None = None
        self.rx: LocalReceiver | None = None
        self.cross: Any = as_is
        self.out: list[Out] = []
        self.tail: list[bytes] | None = None
        self.tail_bytes = 0
        self.retired = False
        self.ended: Any = None

    # -- sending -------------------------------------------------------------------------------------------------------

    def cast(self, command: Any, timeout_s: float) -> None:
        """Send one command that wants no reply. Raises `Full`, `NotSendable`, or what closed the port."""
        if self.wire is not None:
            try:
                data = pack_plain(command)
            except PACK_ERRORS:
                self.push(CAST, NO_DEADLINE, (), [command], None, timeout_s)
                return
            size = len(data)
            with self.lock:
                wire = self.wire
                if (
                    wire is not None
                    and self.sent - self.done < self.max_commands
                    and self.sent_bytes - self.done_bytes + size <= self.max_bytes
                ):
                    self.sent += 1
                    self.casts += 1
                    self.sent_bytes += size
                    tail = self.tail
                    if first := tail is None:
                        self.tail = tail = [data]
                        self.tail_bytes = size
                        self.out.append(Out(CAST, 0, NO_DEADLINE, (), tail, 1, size, True, None))
                    else:
                        tail.append(data)
                        self.tail_bytes += size
                    full = len(tail) >= BATCH_COMMANDS or self.tail_bytes >= BATCH_BYTES
                    sent = True
                else:
                    sent = False
            if sent and wire is not None:
                if first:
                    wire.dirty.append(self)
                if full:
                    wire.flush()
                elif first:
                    wire.kick()
                return
        elif self.cell is not None:
            cross = self.cross
            crossed = command if cross is between_hosts and not STATE.copied else cross(command)
            kind = type(crossed)
            size = len(crossed) if kind is bytes or kind is str else local_size(crossed)
            with self.lock:
                cell = self.cell
                if (
                    cell is not None
                    and self.sent - self.done < self.max_commands
                    and self.sent_bytes - self.done_bytes + size <= self.max_bytes
                ):
                    self.sent += 1
                    self.casts += 1
                    self.sent_bytes += size
                    cell.inbox.append((self.rx, CAST, 0, NO_DEADLINE, (), (crossed,), size, cell.turn_s))
                    sent = True
                else:
                    sent = False
            if sent and cell is not None:
                if not cell.ready:
                    cell.wake()
                return
        self.push(CAST, NO_DEADLINE, (), [command], None, timeout_s)

    def send_one(self, run: int, deadline: float, chain: tuple[int, ...], command: Any, waiter: Waiter) -> bool:
        """Send one command that wants a reply over a wire; False where it takes `push` to do it."""
        if self.wire is None:
            return False
        try:
            data = pack_plain(command)
        except PACK_ERRORS:
            return False
        size = len(data)
        waits = waiter.__class__ is ThreadWaiter
        with self.lock:
            wire = self.wire
            if (
                wire is None
                or self.sent - self.done >= self.max_commands
                or self.sent_bytes - self.done_bytes + size > self.max_bytes
            ):
                return False
            self.sent += 1
            self.sent_bytes += size
            self.tail = None
            self.out.append(Out(run, 0, deadline, chain, data, 1, size, True, waiter, None, True))
            if not waits:
                waiter.counted = wire
                wire.demand(1)
        wire.dirty.append(self)
        if waits:
            wire.flush(will_read=True)
        elif wire.wanted <= 1:
            wire.flush_soon()
        elif not wire.scheduled:
            wire.kick()
        return True

    def push(
        self,
        run: int,
        deadline: float,
        chain: tuple[int, ...],
        commands: list[Any],
        waiter: Waiter | None,
        timeout_s: float,
        offset: int = 0,
    ) -> None:
        """Send a run of commands, waiting at most `timeout_s` for room.

        Raises `Full`, `NotSendable`, or what closed the port; then nothing of the run was sent.
        """
        packed: tuple[bytes, list[Any]] | None = None
        give_up = 0.0
        while True:
            wire = self.wire
            if wire is not None and packed is None:
                packed = pack_commands(commands)
            nbytes = len(packed[0]) if wire is not None and packed else sum(map(local_size, commands))
            with self.lock:
                if self.closed is not None:
                    raise self.closed
                if self.retired:
                    break
                if wire is not self.wire:
                    continue
                if self._fits(len(commands), nbytes):
                    body = packed if wire is not None else None
                    self._append(run, offset, deadline, chain, commands, body, nbytes, waiter)
                    cell = self.cell
                    break
                full = self._full(len(commands), nbytes)
                if full is None:
                    room = ThreadWaiter()
                    self.room_waiters.append(room)
            if full is not None:
                self._ask_for_room()
                raise full
            give_up = give_up or time.monotonic() + timeout_s
            self._wait_for_room(room, give_up)
        if self.retired:
            self._pass_on(run, deadline, chain, commands, waiter, timeout_s, offset)
        elif wire is not None:
            if waiter is not None and type(waiter) is ThreadWaiter:
                wire.flush(will_read=True)
            elif run and wire.wanted <= 1:
                wire.flush_soon()
            else:
                wire.kick()
        elif cell is not None and not cell.ready:
            cell.wake()

    def _pass_on(
        self,
        run: int,
        deadline: float,
        chain: tuple[int, ...],
        commands: list[Any],
        waiter: Waiter | None,
        timeout_s: float,
        offset: int,
    ) -> None:
        """The service was divided anew since this sender was chosen: let each command go by its key again."""
        port = self.port
        with port.switching:
            pass
        for index, command in enumerate(commands, offset):
            port.sender_for(command).push(run, deadline, chain, [command], waiter, timeout_s, index)

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
        count = len(commands)
        self.sent += count
        if not run:
            self.casts += count
        self.sent_bytes += nbytes
        self.tail = None
        if waiter is not None:
            waiter.sender = self
        if (cell := self.cell) is not None:
            cross = self.cross
            crossed = commands if cross is as_is else [cross(command) for command in commands]
            if waiter is not None:
                waiter.left = True
            cell.inbox.append((self.rx, run, offset, deadline, chain, crossed, nbytes, cell.turn_s))
            return
        if packed is not None:
            self.out.append(Out(run, offset, deadline, chain, packed[0], count, nbytes, True, waiter, packed[1]))
        else:
            self.out.append(Out(run, offset, deadline, chain, commands, count, nbytes, False, waiter))
        if (wire := self.wire) is not None:
            self._count(wire, waiter)
            wire.dirty.append(self)

    @staticmethod
    def _count(wire: WireClient, waiter: Waiter | None) -> None:
        if waiter is not None and waiter.counted is None and type(waiter) is not ThreadWaiter:
            waiter.counted = wire
            wire.demand(1)

    # -- attaching -----------------------------------------------------------------------------------------------------

    def attach_cell(self, cell: Cell, rx: LocalReceiver, cross: Any) -> None:
        """From now on commands go to a cell of this process; what waited goes first."""
        with self.lock:
            out, self.out = self.out, []
            for entry in out:
                commands = entry.commands()
                if entry.waiter is not None:
                    entry.waiter.left = True
                cell.inbox.append(
                    (
                        rx,
                        entry.run,
                        entry.offset,
                        entry.deadline,
                        entry.chain,
                        list(map(cross, commands)),
                        entry.nbytes,
                        cell.turn_s,
                    )
                )
            self.tail = None
            self.cell, self.rx, self.cross, self.wire = cell, rx, cross, None
        if not cell.ready:
            cell.wake()
        self.release()

    def attach_wire(self, wire: WireClient) -> None:
        """From now on commands go over a wire; what waited goes first, and what cannot be packed fails its caller."""
        refused: list[tuple[Out, NotSendable]] = []
        with self.lock:
            kept = []
            for entry in self.out:
                entry.close_batch()
                if not entry.packed:
                    try:
                        entry.body, entry.handles = pack_commands(entry.body)
                    except NotSendable as raised:
                        refused.append((entry, raised))
                        continue
                    entry.packed = True
                kept.append(entry)
            self.out, self.tail = kept, None
            self.cell, self.rx, self.wire = None, None, wire
            for waiter in list(self.port.pending.values()):
                if waiter.shared:
                    waiter.more = (*waiter.more, wire)
                    wire.demand(1)
                elif waiter.sender is self and waiter.counted is None:
                    waiter.counted = wire
                    wire.demand(1)
            wire.senders[self.line] = self
            wire.dirty.append(self)
        for entry, error in refused:
            self.served(entry.count, entry.nbytes)
            if entry.waiter is not None:
                entry.waiter.fail_all(error)
                self.port.forget(entry.run)
            else:
                self.port.lost += entry.count
        wire.flush_soon()
        self.release()

    def detach(self) -> WireClient | None:
        """From now on commands wait here. Returns the wire it was attached to, if any."""
        with self.lock:
            wire = self.wire
            self._stop_asking()
            self.cell = self.rx = self.wire = None
            self.tail = None
            for waiter in list(self.port.pending.values()):
                if wire is not None and wire in waiter.more:
                    waiter.more = tuple(other for other in waiter.more if other is not wire)
                    wire.demand(-1)
                elif waiter.sender is self and waiter.counted is not None:
                    waiter.counted.demand(-1)
                    waiter.counted = None
        self.release()
        return wire

    def forget_left(self) -> int:
        """The other end is gone with all that had left: count only what is still here.

        Returns how many commands without a caller were lost, as far as is known: they were not acknowledged.
        """
        with self.lock:
            for entry in self.out:
                entry.close_batch()
            kept_casts = sum(entry.count for entry in self.out if entry.run == CAST)
            lost = self.casts - self.casts_done - kept_casts
            self.sent, self.done = sum(entry.count for entry in self.out), 0
            self.casts, self.casts_done = kept_casts, 0
            self.sent_bytes, self.done_bytes = sum(entry.nbytes for entry in self.out), 0
        self.release()
        return max(0, lost)

    def retire(self) -> list[Out]:
        """Take what waits here, to be sent by other senders; whoever still comes is passed on to them."""
        with self.lock:
            self.retired = True
            out, self.out = self.out, []
            self.tail = None
        for entry in out:
            entry.close_batch()
        self.release()
        return out

    def close(self) -> None:
        """Nothing more is sent; who waits for room gets what closed the port."""
        with self.lock:
            self.closed = self.port.error
            self.out.clear()
            self.tail = None
            wire = self.wire
            self.cell = self.rx = self.wire = None
        if wire is not None:
            wire.senders.pop(self.line, None)
        self.release()
