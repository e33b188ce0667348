"""Operations on ports: their senders, and how these reach their cells."""

from __future__ import annotations

import asyncio
from typing import Any

from ...cell import Cell
from ...channels.bounds import Bounds
from ...channels.crossing import PACK_ALL, crossing
from ...channels.out import Out
from ...channels.port import Port
from ...channels.receiver import LocalReceiver, WireReceiver
from ...channels.sender import Sender
from ...errors import Closed, IpcError, ServiceDied
from ...remote_errors import unpack_error
from ...spawners.inline import InlineHost, direct_call, direct_cast
from .base import resolve
from .classes import find_class
from .wires import WireAgent


class PortAgent(WireAgent):
    """Ports of clients and outlets."""

    async def port(self, port_id: int, target: str, bounds: list[Any], first_run: int, client: bool) -> None:
        """Make a port, without senders yet."""
        port = Port(port_id, target, Bounds(*bounds), client)
        for _ in range(first_run):
            next(port.runs)
        self.ports[port_id] = port

    async def forget_port(self, port_id: int) -> None:
        """The port goes on elsewhere, with what it had pending."""
        if (port := self.ports.pop(port_id, None)) is not None:
            port.pending.clear()
            for sender in port.senders:
                sender.retire()
                sender.close()

    async def drop_port(self, port_id: int, error: Any) -> None:
        """Close a port; whoever waits on it gets the error."""
        if (port := self.ports.pop(port_id, None)) is not None:
            reason = unpack_error(error) if isinstance(error, list) else error
            port.close(reason if isinstance(reason, IpcError) else Closed(f"service {port.target!r} is gone"))
            for sender in port.senders:
                if sender.rx is not None and sender.cell is not None:
                    sender.cell.receivers.pop(port_id, None)

    async def attach(self, port_id: int, lines: list[list[Any]], key_class: Any) -> None:
        """Give a port its ways: for each shard [line, cell id, concurrent, wire id, same host, [commands, bytes]].

        A wire id of 0 means that commands pass as objects; one below that the sender stays detached, but is known to
        that wire, so that replies find it.
        The last are what is already on its way to that shard, or None. With the same lines as before each sender goes
        on; otherwise there are new ones, and what waited is dealt out anew.
        """
        port = self.ports.get(port_id)
        if port is None:
            return
        old = port.senders
        if key_class is not None:
            cls = find_class(*key_class) if isinstance(key_class, list) else key_class
            port.key = cls.shard_key
        if [sender.line for sender in old] != [line[0] for line in lines]:
            port.serve_elsewhere()
            with port.switching:
                entries = [entry for sender in old for entry in sender.retire()]
                port.senders = [Sender(port, line, cell_id, concurrent) for line, cell_id, concurrent, *_ in lines]
                if lines:
                    self._deal_out(port, entries, old)
                else:
                    self._abandon(port, entries)
        for sender, (_, cell_id, _, wire_id, same, outstanding) in zip(port.senders, lines, strict=True):
            if outstanding is not None:
                sender.sent += outstanding[0]
                sender.sent_bytes += outstanding[1]
            if wire_id < 0:
                if (wire := self.dialled.get(-wire_id)) is not None:
                    wire.senders[sender.line] = sender
                continue
            if wire_id:
                if (wire := self.dialled.get(wire_id)) is not None and not wire.closed:
                    sender.attach_wire(wire)
            elif (cell := self.cells.get(cell_id)) is not None:
                self._attach_local(port, sender, cell, same)

    @staticmethod
    def _abandon(port: Port, entries: list[Out]) -> None:
        """The target was removed: who waits for it is told, also where its last words were lost on their way."""
        port.lost += sum(entry.count for entry in entries if entry.waiter is None)
        for run, waiter in list(port.pending.items()):
            waiter.fail_all(Closed(f"service {port.target!r} was removed"))
            port.forget(run)

    @staticmethod
    def _deal_out(port: Port, entries: list[Out], old: list[Sender]) -> None:
        """What waited at the old senders goes by its keys to the new ones."""
        for waiter in list(port.pending.values()):
            if waiter.sender in old and waiter.left:
                waiter.sender = port.senders[0]
                waiter.shared = len(port.senders) > 1
        for entry in entries:
            PortAgent._deal(port, entry)

    @staticmethod
    def _deal(port: Port, entry: Out) -> None:
        for index, command in enumerate(entry.commands(), entry.offset):
            sender = port.sender_for(command)
            out = Out(entry.run, index, entry.deadline, entry.chain, [command], 1, 0, False, entry.waiter)
            with sender.lock:
                sender.out.append(out)
                sender.sent += 1
                sender.casts += not entry.run
            if entry.waiter is not None:
                entry.waiter.sender = sender
                entry.waiter.shared = entry.count > 1 and len(port.senders) > 1

    @staticmethod
    def _attach_local(port: Port, sender: Sender, cell: Cell, same: bool) -> None:
        cross = crossing(same)
        receiver = LocalReceiver(sender, cross, cell)
        previous = cell.receivers.get(port.id)
        cell.receivers[port.id] = receiver
        if isinstance(previous, WireReceiver):
            previous.hand_over(receiver)
        sender.attach_cell(cell, receiver, cross)
        alone = len(port.senders) == 1  # of several shards the command's key decides
        if alone and same and cell.nests and not PACK_ALL:
            port.here = receiver
            if port.owned_by_client and isinstance(cell.host, InlineHost):
                port.direct = direct_call(cell.host, cell, sender, receiver)
                port.direct_cast = direct_cast(cell.host, cell, sender)

    async def take_held(self, port_id: int, line: int, held: Any) -> None:
        """The service has come into this process: replies that it held where it was, and the room they take."""
        port = self.ports.get(port_id)
        sender = next((sender for sender in port.senders if sender.line == line), None) if port else None
        if sender is None or not isinstance(receiver := sender.rx, LocalReceiver) or sender.cell is None:
            return
        replies, served, nbytes, casts = held
        there = WireReceiver(port_id, line, 1, 1, sender.cell)
        there.held = [
            (run, offset, values, unpack_error(error) if error else None) for run, offset, values, error in replies
        ]
        there.served_count, there.nbytes, there.casts = served, nbytes, casts
        there.hand_over(receiver)

    async def detach(self, port_id: int, line: int, timeout_s: float, leaving: bool = False) -> list[Any]:
        """Take the way from one sender; [ended, commands, bytes] that are at the other end or on their way back.

        Over a wire it waits until the other end has received all before the mark; `ended` is False where that did not
        happen in time, or the wire is gone: the sender stays detached all the same. `leaving` where the sender is about
        to go to another process: replies are then held at the other end.
        """
        port = self.ports.get(port_id)
        sender = next((sender for sender in port.senders if sender.line == line), None) if port else None
        if port is None or sender is None:
            return [True, 0, 0]
        port.serve_elsewhere()
        cell, receiver = sender.cell, sender.rx
        if sender.wire is None:
            sender.detach()
            if leaving and cell is not None and receiver is not None:
                await cell.host.run(_hold(cell, receiver, line, port.bounds))
            return [True, *_beyond(sender)]
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        sender.ended = lambda: loop.call_soon_threadsafe(resolve, ended)
        wire = sender.detach()
        if wire is None or wire.closed:
            return [False, 0, 0]
        wire.end(sender)
        try:
            async with asyncio.timeout(timeout_s):
                await ended
        except TimeoutError:
            return [False, *_beyond(sender)]
        finally:
            sender.ended = None
        return [not wire.closed, *_beyond(sender)]

    async def died(self, port_id: int, line: int, reason: str, exit_code: int | None) -> int:
        """The cell behind a line is gone with all that had left for it: tell who waits. Returns how many were lost."""
        port = self.ports.get(port_id)
        sender = next((sender for sender in port.senders if sender.line == line), None) if port else None
        if port is None or sender is None:
            return 0
        sender.detach()
        port.fail_left(sender, lambda: ServiceDied(port.target, reason, exit_code))
        lost = sender.forget_left()
        port.lost += lost
        return lost

    @staticmethod
    def _queue_out(
        port: Port, line: int, run: int, deadline: float, chain: tuple[int, ...], commands: list[Any]
    ) -> None:
        sender = next((sender for sender in port.senders if sender.line == line), None)
        waiter = port.pending.get(run)
        if waiter is not None:
            waiter.left = False
        if sender is not None:
            with sender.lock:
                sender.out.insert(0, Out(run, 0, deadline, chain, commands, len(commands), 0, False, waiter))
                sender.sent += len(commands)


async def _hold(cell: Cell, receiver: LocalReceiver, line: int, bounds: Bounds) -> None:
    cell.receivers[receiver.port] = receiver.hold(line, bounds.commands, bounds.bytes, cell)


def _beyond(sender: Sender) -> list[int]:
    here = here_bytes = 0
    for entry in sender.out:
        entry.close_batch()
        here += entry.count
        here_bytes += entry.nbytes
    count, nbytes = sender.outstanding()
    return [max(0, count - here), max(0, nbytes - here_bytes)]
