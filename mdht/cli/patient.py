"""The node that a doctor looks at, how it is asked within a bound, and what a check has found."""

from __future__ import annotations

import enum
import math
import time
from dataclasses import dataclass, field
from typing import Any

import psutil

from ..control import About, Call
from ..errors import TimedOut
from ..remote.connection import Connection


class State(enum.StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do about it."""

    name: str
    state: State
    text: str
    advice: str = ""


def ok(name: str, text: str) -> Check:
    """All is well."""
    return Check(name, State.OK, text)


def warn(name: str, text: str, advice: str) -> Check:
    """It could be better."""
    return Check(name, State.WARN, text, advice)


def fail(name: str, text: str, advice: str) -> Check:
    """It does not work."""
    return Check(name, State.FAIL, text, advice)


@dataclass(slots=True)
class Patient:
    """The node that is looked at until `until_s` (of the monotonic clock), and what earlier checks found out."""

    data_dir: str
    until_s: float = math.inf
    holder: tuple[int, float] | None = None
    about: About | None = None
    stats: dict[str, Any] = field(default_factory=dict)
    peers: int = 0

    @property
    def left_s(self) -> float:
        """Seconds that are left for all checks together."""
        return self.until_s - time.monotonic()

    def ask(self, call: Call, most_s: float = math.inf) -> Any:
        """Its answer as plain values, on a connection of its own. Blocks for at most so many seconds, and no longer
        than there are left. Raises the node's error, TimedOut, NoNode, DoorClosed, NodeGone.
        """
        wait_s = min(most_s, self.left_s)
        if wait_s <= 0:
            raise TimedOut(type(call).__name__.removesuffix("Call").lower(), 0.0)
        until_s = time.monotonic() + wait_s
        with Connection(self.data_dir, wait_s) as one:
            return one.ask(call, max(0.0, until_s - time.monotonic()))

    def unanswered(self, error: TimedOut) -> tuple[str, str]:
        """What to say of a node that did not answer, and what to do."""
        pid = self.holder[0] if self.holder is not None else 0
        if pid and _is_stopped(pid):
            return f"its process {pid} is stopped ({error})", f"let it go on with `kill -CONT {pid}`"
        return (
            f"its main loop does not answer ({error})",
            "look at its log; if it hangs, end it with SIGTERM, or else SIGKILL, and start it again",
        )


def _is_stopped(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False
