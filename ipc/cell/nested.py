"""Serving a command inside its sender's own call: what makes `inline` as cheap as a function call.

Sender and service are on one thread. Nothing is queued, counted against a bound, numbered or given a deadline, because
nothing waits: the value goes back as a function's does. Only a command that is answered `later` gets a run number and a
waiter, made when its token is taken. Where the service is on the stack already, has something queued, is paused, or is
nested too deep, the command is queued as any other (`QUEUE`), so order is kept.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from threading import get_ident
from typing import Any, Final

from ..errors import ServiceDied
from ..limits import INLINE_DEPTH
from ..service import answer_to
from .base import DIRECT
from .life import LivingCell

QUEUE: Final[Any] = object()
"""The command was not served, and has to be queued."""


class NestedCell(LivingCell):
    """Its methods run on its host, unless they say otherwise."""

    __slots__ = ()

    @abstractmethod
    def run(self) -> bool:
        """Serve what is in the inbox; True when the fair share ended before the inbox did."""

    def serve_now(
        self, receiver: Any, command: Any, timeout_s: float, opens: Callable[[Any], Any] | None, tag: Any = None
    ) -> Any:
        """Serve a command here and now, and give its value: `QUEUE` where it was not served, or the waiter that
        `opens(tag)` made where it is answered later. Without `opens` nobody wants a reply. Any thread.

        Raises what the service raised, or `ServiceDied` where that ended it.
        """
        host = self.host
        if self.busy or self.inbox or self.paused or host.depth >= INLINE_DEPTH or get_ident() != host.thread:
            return QUEUE
        self.busy = True
        host.depth += 1
        self.rx = receiver
        self.run_id = DIRECT
        self.opens = opens
        self.tag = tag
        clock = host.clock
        self.turn_s = start = clock()
        try:
            value = self.service.call(command)
            if self.taken:
                self.taken = False
                value, self.direct_waiter = self.direct_waiter, None
        except Exception as error:
            self._raised(error)
            if opens is not None:
                raise
            value = None
        except BaseException as error:
            self._raised(error)
            if isinstance(error, KeyboardInterrupt):
                raise
            value = None
            if opens is not None:
                raise ServiceDied(self.name, f"it was ended by {type(error).__name__}: {error}") from error
        finally:
            took = clock() - start
            self.calls += 1
            self.busy_s += took
            self.times.append(took)
            if took > timeout_s and opens is not None:
                self.late += 1
            self.busy = False
            if self.inbox and not self.ready:
                self._go_on(host)
            else:
                host.depth -= 1
            if not host.depth and (host.ready or host.dirty):
                host.turn_soon()
        return value

    def _raised(self, error: BaseException) -> None:
        """The service raised while a command was served here."""
        if self.taken:  # the error is the answer: what is said with the token later finds nobody
            self.taken = False
            self.direct_waiter = None
            self.rx.forget(self.run_id)
        if not isinstance(error, Exception):
            self.errors += 1
            self.end(error)
            return
        if self.opens is None:
            self.note_error(error, error)
        else:
            self.errors += 1
        if type(self.service).restart_on_error:
            self.end(error)

    def _go_on(self, host: Any) -> None:
        """What has come meanwhile is served before the sender goes on, as far as the fair share allows."""
        self.ready = True
        try:
            more = self.run()
        finally:
            host.depth -= 1
        if more:
            host.ready.append(self)

    def answer(self, tag: Any, value: Any, error: BaseException | None) -> None:
        """An answer to a request came: it is a command of its own. Thread-safe."""
        command = answer_to(tag, value, error)
        if self.nests and not self.busy and self.serve_now(None, command, 0.0, None) is not QUEUE:
            return
        self.take_in(command)
        if self.successor is not None:
            self.successor.adopt(self)
        if self.settled is not None:
            self.host.soon(self._settle)

    def _settle(self) -> None:
        if self.settled is not None and not self.settled.done():
            self.settled.set_result(None)
