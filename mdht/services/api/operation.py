"""One request of our own user: its deadline, what it waits for, and its answer, given once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from ipc import Token

_GRACE_S = 0.1
"""Seconds beyond the deadline: a lookup that ends by then has more to say than that it is late."""


class Cancellable(Protocol):
    """What works for an operation."""

    def cancel(self) -> None:
        """The operation is over; what still comes is ignored."""


class Operation:
    """`end` answers the token, and tells the service that it is over. `until_s`: the deadline, by the loop's clock."""

    __slots__ = ("_reply", "_timer", "connecting", "late", "number", "over", "running", "token", "until_s")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        number: int,
        token: Token,
        until_s: float,
        reply: Callable[[Operation, Any, Exception | None], None],
    ) -> None:
        self.number = number
        self.token = token
        self.until_s = until_s
        self.over = False
        self.connecting = 0
        """Peers that are being linked for it."""
        self.running: Cancellable | None = None
        self.late: Callable[[], None] | None = None
        """What is done when the time is over."""
        self._reply = reply
        self._timer = loop.call_at(self.until_s + _GRACE_S, self._expire)

    def left_s(self, now_s: float) -> float:
        """Seconds that it has left."""
        return max(0.001, self.until_s - now_s)

    def end(self, value: Any = None, error: Exception | None = None) -> None:
        """Answer, if that was not done before."""
        if not self.over:
            self.cancel()
            self._reply(self, value, error)

    def cancel(self) -> None:
        """The service stops: whoever waits is told by its channel."""
        self.over = True
        self._timer.cancel()
        running, self.running, self.late = self.running, None, None  # they hold it: no cycle is left behind
        if running is not None:
            running.cancel()

    def _expire(self) -> None:
        if self.late is not None and not self.over:
            self.late()
