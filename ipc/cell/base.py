"""What a cell has: its inbox, its numbers, the tokens and requests that are open, and how it answers and fails.

The inbox holds tuples (receiver, run, offset, deadline, chain, commands, bytes, since): a part of one sender's run, and
the loop turn in which it came (that is what the oldest wait is measured from).
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import os
import threading
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Any, cast

from ..errors import IpcError, ServiceDied
from ..limits import TIMED_CALLS
from ..service import Service, Token, token_of
from ..timers import Timers

if TYPE_CHECKING:
    from ..outlets import Outlets

log = logging.getLogger("ipc")

DIRECT = -1
"""The run number of a command that is served inside its sender's own call."""

NOW: contextvars.ContextVar[list[Any] | None] = contextvars.ContextVar("ipc_command", default=None)
"""(receiver, run, offset, chain, token taken) of the command that this greenlet or task serves."""

_ADOPTING = threading.Lock()
"""Held while what came to a cell too late goes to its successor; seldom."""


class CellBase:
    """One shard of a service at its present place. Its methods run on its host, unless they say otherwise."""

    __slots__ = (
        "abandoned",
        "blocking",
        "busy",
        "busy_s",
        "calls",
        "chain",
        "concurrency",
        "current",
        "dead",
        "direct_waiter",
        "errors",
        "expired",
        "host",
        "id",
        "inbox",
        "late",
        "name",
        "nests",
        "offset",
        "on_death",
        "opened",
        "opens",
        "outlets",
        "parent_greenlet",
        "paused",
        "quiet",
        "ready",
        "receivers",
        "run_id",
        "running",
        "rx",
        "serve",
        "service",
        "settled",
        "shard",
        "shards",
        "successor",
        "tag",
        "taken",
        "timers",
        "times",
        "tokens",
        "took",
        "turn_s",
    )  # fmt: skip

    def __init__(
        self, cell_id: int, name: str, service: Service, host: Any, on_death: Callable[[Any, BaseException], None]
    ) -> None:
        self.id = cell_id
        self.name = name
        self.shard = 0
        self.shards = 1
        self.service = service
        self.host = host
        self.on_death = on_death
        self.outlets: Outlets
        self.inbox: deque[tuple[Any, ...]] = deque()
        self.receivers: dict[int, Any] = {}
        self.tokens: dict[tuple[int, int, int], Token] = {}
        self.opened: set[str] = set()
        self.nests = False
        self.ready = False
        self.paused = True
        self.successor: CellBase | None = None
        self.took = 0
        self.busy = False
        self.dead: BaseException | None = None
        self.running: set[Any] = set()
        self.abandoned = False
        self.quiet: asyncio.Future[None] | None = None
        self.settled: asyncio.Future[None] | None = None
        self.turn_s = host.clock()
        self.calls = self.errors = self.expired = self.late = 0
        self.busy_s = 0.0
        self.times: deque[float] = deque(maxlen=TIMED_CALLS)
        self.rx: Any = None
        self.run_id = 0
        self.offset = 0
        self.chain: tuple[int, ...] = ()
        self.taken = False
        self.direct_waiter: Any = None
        self.opens: Callable[[Any], Any] | None = None
        self.tag: Any = None
        cls = type(service)
        self.blocking = cls.blocking
        self.concurrency = cls.concurrency
        self.serve: Callable[..., None] | None = None
        self.timers = Timers(host, host.clock, self.take_in)
        service._ipc_cell = cast(Any, self)

    def wake(self) -> None:
        """Something is in the inbox. Thread-safe; cheap where the cell is already on its host's list, or on the stack:
        then who runs it looks again.
        """
        if not self.ready and not (self.busy and self.nests and get_ident() == self.host.thread):
            self.ready = True
            self.turn_s = self.host.clock()
            self.host.schedule(self)

    # -- answering -----------------------------------------------------------------------------------------------------

    def later(self) -> Token:
        """A token for the present command. Raises `IpcError` outside a call."""
        if self.serve is not None:
            now = NOW.get()
            if now is None:
                raise IpcError("later() works inside call, while a command is served")
            receiver, run, offset = now[0], now[1], now[2]
            now[4] = True
        else:
            if not self.busy:
                raise IpcError("later() works inside call, while a command is served")
            receiver, run, offset = self.rx, self.run_id, self.offset
            if run == DIRECT:
                offset = self.offset = 0
                opens = self.opens
                run = self.run_id = receiver.open_run(self, opens(self.tag)) if opens is not None else 0
            if run:  # a cast has no reply that could be held back
                self.taken = True
        if not run:
            return token_of(0, 0, 0)
        port = receiver.port
        self.tokens[port, run, offset] = token = token_of(port, run, offset)
        return token

    def reply(self, token: Token, value: Any, error: BaseException | None) -> None:
        """Complete a token. Raises `IpcError` where it was completed before."""
        if token.run == 0:
            return
        if self.tokens.pop((token.port, token.run, token.offset), None) is None:
            raise IpcError(f"{token} is not open here: each token is answered once, by the service that took it")
        receiver = self.receivers.get(token.port)
        if receiver is None:
            self.late += 1
        elif error is not None:
            self.errors += 1
            receiver.fail(token.run, token.offset, error)
        else:
            receiver.give(token.run, token.offset, value)

    def adopt(self, old: CellBase) -> None:
        """This cell has taken the place of another in this process: what came to that one after its queue was taken
        is for this one. Thread-safe: whoever appends looks for a successor afterwards.
        """
        with _ADOPTING:
            old.successor = self
            for _ in range(old.took):
                old.inbox.popleft()
            old.took = 0
            while old.inbox:
                self.inbox.append(old.inbox.popleft())
        if self.inbox:
            self.wake()

    def take_in(self, command: Any) -> None:
        """Queue a command of the service's own, whose reply nobody wants. Thread-safe."""
        self.inbox.append((None, 0, 0, math.inf, (), (command,), 0, self.turn_s))
        self.wake()

    def callers(self) -> tuple[int, ...]:
        """The cells that wait, each for the next, for the present command to be answered; this one last."""
        if self.serve is not None:
            now = NOW.get()
            return (*now[3], self.id) if now is not None else (self.id,)
        return (*self.chain, self.id)

    # -- failing -------------------------------------------------------------------------------------------------------

    def _failed(self, receiver: Any, run: int, offset: int, error: Exception) -> None:
        if receiver is not None and run:
            self.errors += 1
            receiver.fail(run, offset, error)
        else:
            self.note_error(error, error)
        if type(self.service).restart_on_error:
            self.end(error)

    def note_error(self, error: BaseException, logged: BaseException | None) -> None:
        """An error that has no caller: count it, and say it in the log."""
        self.errors += 1
        log.error(
            "service %r: a command without a caller failed: %s: %s",
            self.name,
            type(error).__name__,
            error,
            exc_info=logged,
        )

    def _died(self, receiver: Any, run: int, offset: int, error: BaseException) -> None:
        if receiver is not None and run:
            receiver.fail(run, offset, ServiceDied(self.name, f"it was ended by {type(error).__name__}: {error}"))
        self.errors += 1
        self.end(error)

    def end(self, error: BaseException) -> None:
        """The service ends here; the tree is told, and what is queued goes to its successor."""
        if self.dead is None:
            self.dead = error
            self.paused = True
            for token in list(self.tokens.values()):
                self.reply(token, None, ServiceDied(self.name, f"it was ended by {type(error).__name__}: {error}"))
            self.on_death(self, error)

    # -- numbers -------------------------------------------------------------------------------------------------------

    def stats(self) -> dict[str, Any]:
        """Plain numbers. Thread-safe: a snapshot that may be a command old."""
        entries = list(self.inbox)
        now = self.host.clock()
        return {
            "cell": self.id,
            "pid": os.getpid(),
            "calls": self.calls,
            "errors": self.errors,
            "busy_s": self.busy_s,
            "queued": sum(len(entry[5]) for entry in entries),
            "queued_bytes": sum(entry[6] for entry in entries),
            "oldest_wait_s": max(0.0, now - entries[0][7]) if entries else 0.0,
            "times": list(self.times),
            "expired": self.expired,
            "late": self.late,
            "bad_frames": self.host.bad_frames,
            "busy": self.busy,
            "lag_s": self.host.lag_s(),
        }
