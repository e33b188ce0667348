"""The room that one sender has at a service, and waiting for more.

The bound counts every command from when it is sent until the service has served it, wherever it is meanwhile. The
receiver gives room back by raising `done` (in this process) or by an acknowledgement (over a wire); where somebody
waits for room, the service is told (`poke`), and acknowledges at once.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ..errors import Full, IpcError
from ..threads import on_running_loop
from .waiters import ThreadWaiter

if TYPE_CHECKING:
    from .port import Port
    from .wire_client import WireClient


class Credit:
    """Thread-safe. What was sent and served, in commands and bytes; `wire` is where acknowledgements come from.

    `credit_wire` is the wire that is read for acknowledgements while no thread waits for room.
    """

    __slots__ = (
        "casts", "casts_done", "closed", "credit_wire", "done", "done_bytes", "line", "lock", "max_bytes",
        "max_commands", "port", "room_waiters", "sent", "sent_bytes", "waits", "wire",
    )  # fmt: skip

    def __init__(self, port: Port, line: int) -> None:
        self.port = port
        self.line = line
        self.max_commands = port.bounds.commands
        self.max_bytes = port.bounds.bytes
        self.waits = port.bounds.when_full == "block"
        self.lock = threading.Lock()
        self.wire: WireClient | None = None
        self.sent = self.sent_bytes = self.casts = 0
        self.done = self.done_bytes = self.casts_done = 0
        self.credit_wire: WireClient | None = None
        self.room_waiters: list[ThreadWaiter] = []
        self.closed: IpcError | None = None

    def _fits(self, count: int, nbytes: int) -> bool:
        return (
            self.sent - self.done + count <= self.max_commands
            and self.sent_bytes - self.done_bytes + nbytes <= self.max_bytes
        )

    def _full(self, count: int, nbytes: int) -> Full | None:
        """The error where there is no use in waiting for room."""
        name = self.port.target
        waiting = self.sent - self.done
        if count > self.max_commands or nbytes > self.max_bytes:
            return Full(
                f"{count} commands of {nbytes} bytes can never fit the channel to {name!r}, bounded to "
                f"{self.max_commands} commands and {self.max_bytes} bytes: send less at once, or give it wider bounds"
            )
        if not self.waits:
            return Full(f"the channel to {name!r} is full ({waiting} commands) and its policy is to fail")
        if on_running_loop():
            return Full(f"the channel to {name!r} is full ({waiting} commands), and an event loop cannot wait")
        return None

    def _ask_for_room(self) -> None:
        """Nobody waits for room here, but somebody will try again: have its acknowledgement read."""
        wire = self.wire
        if wire is not None and self.credit_wire is None:
            self.credit_wire = wire
            wire.demand(1)
            wire.poke(self)

    def _stop_asking(self) -> None:
        wire, self.credit_wire = self.credit_wire, None
        if wire is not None:
            wire.demand(-1)

    def _wait_for_room(self, room: ThreadWaiter, give_up: float) -> None:
        wire = self.wire
        if wire is not None:
            wire.poke(self)
            wire.wait_for(room, give_up)
        if not room.done:
            room.park(give_up)
        with self.lock:
            if room in self.room_waiters:
                self.room_waiters.remove(room)
            if not room.done and time.monotonic() >= give_up and self.closed is None:
                raise Full(f"the channel to {self.port.target!r} stayed full until the deadline")

    def served(self, count: int, nbytes: int, casts: int = 0) -> None:
        """The service has served this much: there is room again. Called by one thread at a time."""
        self.done += count
        self.casts_done += casts
        self.done_bytes += nbytes
        if (  # not at the first acknowledgement: nobody would read the others, and there would seem to be no room
            self.credit_wire is not None
            and (self.sent - self.done) * 2 < self.max_commands
            and (self.sent_bytes - self.done_bytes) * 2 < self.max_bytes
        ):
            self._stop_asking()
        if self.room_waiters and (self.sent - self.done) * 2 <= self.max_commands:
            self.release()

    def release(self) -> None:
        """Let everybody who waits for room look again."""
        with self.lock:
            room_waiters, self.room_waiters = self.room_waiters, []
        for room in room_waiters:
            room.done = True
            room.wake()

    def outstanding(self) -> tuple[int, int]:
        """Commands and bytes between here and their being served."""
        return self.sent - self.done, self.sent_bytes - self.done_bytes
