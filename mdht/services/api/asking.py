"""One question to a peer or to a service of this node, asked again where its answer was lost (see `patience`).

Asking twice is harmless: a replica that has stored the same version already says so.

Objects, not functions within a function: those would hold each other, and be left to the garbage collector, many for
each put.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ipc import IpcError

from ...errors import TimedOut
from ..commands import Question
from ..peers.commands import Connect
from ..roster import Known
from .operation import Operation
from .patience import again_s, connects_first, dials_again, is_gone

if TYPE_CHECKING:
    from .desk import Desk

Then = Callable[[Any, Exception | None], None]
"""What is done with an answer: its value, or its error."""


class PeerAsked:
    """A question over the link to a peer, which is made where there is none, or where it closed."""

    __slots__ = ("_desk", "_operation", "_peer", "_question", "_then", "_tries")

    def __init__(self, desk: Desk, operation: Operation, peer: Known, question: Question, then: Then) -> None:
        self._desk = desk
        self._operation = operation
        self._peer = peer
        self._question = question
        self._then = then
        self._tries = 0

    def ask(self) -> None:
        """Ask for the first time. `then` is called once."""
        self._desk.once(self._peer, self._question, self._desk.ask_s(self._operation), self._asked)

    def _asked(self, value: Any, error: Exception | None) -> None:
        if error is None:
            self._then(value, None)
            return
        pause_s = None if self._operation.over else again_s(error, self._tries)
        if pause_s is not None:
            self._after(pause_s, self._connect if connects_first(error) else self._once)
        else:
            self._failed(error)

    def _once(self) -> None:
        if self._operation.over:
            self._then(None, TimedOut("a link", 0.0))
        else:
            self.ask()

    def _connect(self) -> None:
        if self._operation.over:
            self._then(None, TimedOut("a link", 0.0))
        else:
            self._operation.connecting += 1
            self._desk.request("peers", Connect(self._peer.record), self._connected)

    def _connected(self, _: Any, error: Exception | None) -> None:
        self._operation.connecting -= 1
        if error is None:
            self._once()
            return
        pause_s = again_s(error, self._tries) if dials_again(error) and not self._operation.over else None
        if pause_s is not None:
            self._tries += 1
            self._desk.later(pause_s, self._connect)
        else:
            self._failed(error)

    def _after(self, pause_s: float, step: Callable[[], None]) -> None:
        self._tries += 1
        if pause_s:
            self._desk.later(pause_s, step)
        else:
            step()

    def _failed(self, error: Exception) -> None:
        if isinstance(error, IpcError) and not is_gone(error):
            self._operation.end(error=error)  # the node stops, or has too much to do: that says nothing of the peer
        else:
            self._then(None, error)


class ServiceAsked:
    """A command to a service that may be asked the same twice; again where it died over it, and is started again."""

    __slots__ = ("_command", "_desk", "_operation", "_outlet", "_then", "_tries")

    def __init__(self, desk: Desk, operation: Operation, outlet: str, command: Any, then: Then) -> None:
        self._desk = desk
        self._operation = operation
        self._outlet = outlet
        self._command = command
        self._then = then
        self._tries = 0

    def ask(self) -> None:
        """Ask, for the first time or again. `then` is called once."""
        self._desk.request(self._outlet, self._command, self._asked)

    def _asked(self, value: Any, error: Exception | None) -> None:
        pause_s = None if error is None or self._operation.over else again_s(error, self._tries)
        if pause_s is None:
            self._then(value, error)
            return
        self._tries += 1
        if pause_s:
            self._desk.later(pause_s, self.ask)
        else:
            self.ask()
