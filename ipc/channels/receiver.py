"""The receiving end of a channel: one sender's commands at one cell, and the way back for the replies.

A receiver never stores commands: they wait in the cell's inbox, each run beside its receiver. It knows how to reply and
how to give room back. While its sender has no address (it is moving), replies are held here, no more than the sender's
bound.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ..errors import IpcError
from .crossing import as_is, crossed_error

if TYPE_CHECKING:
    from ..cell import Cell
    from .sender import Sender
    from .waiters import Waiter
    from .wire_server import WireServer


class LocalReceiver:
    """The sender is in this process: replies go straight to its port."""

    __slots__ = ("cell", "cross", "port", "sender", "successor")

    def __init__(self, sender: Sender, cross: Any, cell: Cell) -> None:
        self.sender = sender
        self.cell = cell
        self.port = sender.port.id
        self.cross = cross
        self.successor: LocalReceiver | WireReceiver | None = None

    def open_run(self, cell: Cell, waiter: Waiter) -> int:
        """The command that is served inside its sender's call will be answered later: give its waiter a run."""
        sender = self.sender
        port = sender.port
        cell.direct_waiter = waiter
        waiter.sender = sender
        waiter.left = True
        run = waiter.run = next(port.runs)
        port.pending[run] = waiter
        return run

    def forget(self, run: int) -> None:
        """Nobody waits for this run any more."""
        self.sender.port.forget(run)

    def reply(self, run: int, offset: int, values: list[Any]) -> None:
        """Give the replies to consecutive commands of a run."""
        if self.successor is not None:
            self.successor.reply(run, offset, values)
            return
        cross = self.cross
        port = self.sender.port
        if cross is as_is:
            port.fill(run, offset, values)
            return
        try:
            port.fill(run, offset, list(map(cross, values)))
        except IpcError:
            for index, value in enumerate(values, offset):
                try:
                    crossed = cross(value)
                except IpcError as error:
                    port.fail(run, index, error)
                else:
                    port.fill(run, index, [crossed])

    def give(self, run: int, offset: int, value: Any) -> None:
        """Give the reply to one command, which was answered later."""
        if offset == 0 and self.cross is as_is and self.successor is None:
            self.sender.port.give(run, value)
        else:
            self.reply(run, offset, [value])

    def fail(self, run: int, offset: int, error: BaseException) -> None:
        """Give an error as the reply to one command."""
        if self.successor is not None:
            self.successor.fail(run, offset, error)
        else:
            self.sender.port.fail(run, offset, crossed_error(error))

    def served(self, count: int, nbytes: int, run: int) -> None:
        """Give room back; `run` is 0 for commands that want no reply."""
        if self.successor is not None:
            self.successor.served(count, nbytes, run)
        else:
            self.sender.served(count, nbytes, 0 if run else count)

    def hold(self, line: int, commands: int, nbytes: int, cell: Cell) -> WireReceiver:
        """The sender leaves this process: what is still to be said to it is held, until it has an address again."""
        receiver = WireReceiver(self.port, line, commands, nbytes, cell)
        self.successor = receiver
        return receiver


class WireReceiver:
    """The sender is in another process or host: replies go to the wire, or are held while there is none.

    Room is given back once a quarter of the bound was served, or at once while the sender says that it waits.
    """

    __slots__ = (
        "ack_at_once",
        "ack_bytes",
        "ack_commands",
        "casts",
        "cell",
        "handing",
        "held",
        "line",
        "nbytes",
        "port",
        "served_count",
        "successor",
        "wire",
    )

    def __init__(self, port: int, line: int, commands: int, nbytes: int, cell: Cell) -> None:
        self.port = port
        self.cell = cell
        self.line = line
        self.wire: WireServer | None = None
        self.ack_commands = max(1, commands // 4)
        self.ack_bytes = max(1, nbytes // 4)
        self.served_count = 0
        self.nbytes = 0
        self.casts = 0
        self.ack_at_once = False
        self.handing = threading.RLock()
        self.held: list[tuple[int, int, list[Any] | None, BaseException | None]] = []
        self.successor: LocalReceiver | WireReceiver | None = None

    def attach(self, wire: WireServer) -> None:
        """Replies go over this wire from now on; those held go first."""
        self.wire = wire
        held, self.held = self.held, []
        for run, offset, values, error in held:
            if error is not None:
                self.fail(run, offset, error)
            else:
                self.reply(run, offset, values or [])
        if self.served_count:
            self.give_back()

    def reply(self, run: int, offset: int, values: list[Any]) -> None:
        """Give the replies to consecutive commands of a run."""
        if self.successor is not None:
            self._hand_on()
            self.successor.reply(run, offset, values)
        elif (wire := self.wire) is None:
            self.held.append((run, offset, values, None))
            self._hand_on()
        else:
            wire.put_reply(self.line, run, offset, values)

    def give(self, run: int, offset: int, value: Any) -> None:
        """Give the reply to one command, which was answered later."""
        self.reply(run, offset, [value])

    def fail(self, run: int, offset: int, error: BaseException) -> None:
        """Give an error as the reply to one command."""
        if self.successor is not None:
            self._hand_on()
            self.successor.fail(run, offset, error)
        elif (wire := self.wire) is None:
            self.held.append((run, offset, None, error))
            self._hand_on()
        else:
            wire.put_error(self.line, run, offset, error)

    def served(self, count: int, nbytes: int, run: int) -> None:
        """Give room back, now or later; `run` is 0 for commands that want no reply."""
        if self.successor is not None:
            self.successor.served(count, nbytes, run)
            return
        self.served_count += count
        if not run:
            self.casts += count
        self.nbytes += nbytes
        if self.ack_at_once or self.served_count >= self.ack_commands or self.nbytes >= self.ack_bytes:
            self.give_back()
            if not self.cell.inbox:
                self.ack_at_once = False

    def hand_over(self, successor: LocalReceiver) -> None:
        """The sender has come into this process: everything held, and everything later, is said to it there."""
        self.successor = successor
        self._hand_on()
        successor.sender.served(self.served_count, self.nbytes, self.casts)
        self.served_count = self.nbytes = self.casts = 0

    def _hand_on(self) -> None:
        """Say what is held to the successor, in order; by whichever thread, while the other waits for it."""
        if (successor := self.successor) is None:
            return
        with self.handing:
            held, self.held = self.held, []
            for run, offset, values, error in held:
                if error is not None:
                    successor.fail(run, offset, error)
                else:
                    successor.reply(run, offset, values or [])

    def give_back(self) -> None:
        """Acknowledge what was served since the last time."""
        if (wire := self.wire) is not None:
            wire.put_ack(self.line, self.served_count, self.nbytes, self.casts)
            self.served_count = self.nbytes = self.casts = 0
