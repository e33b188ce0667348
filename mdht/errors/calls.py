"""What is wrong with a call whatever it asks for, and what became of it."""

from __future__ import annotations

from .branches import LocalError, NotDone
from .text import shown


class BadText(LocalError, ValueError):
    """Text that is not the `what` it should be. `reason` says where it is wrong and what would be right."""

    def __init__(self, what: str = "", text: str = "", reason: str = "") -> None:
        super().__init__(what, text, reason)
        self.what = what
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.what} {shown(self.text)}: {self.reason}"


class TooLarge(LocalError, ValueError):
    """What you gave is larger than any peer would take."""

    def __init__(self, what: str = "", size_bytes: int = 0, limit_bytes: int = 0) -> None:
        super().__init__(what, size_bytes, limit_bytes)
        self.what = what
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        return f"{self.what} of {self.size_bytes} bytes: at most {self.limit_bytes} are allowed; make it smaller"


class WrongState(LocalError):
    """A call that the object's state does not allow: `event` is not in its transition table for `state`."""

    def __init__(self, what: str = "", state: str = "", event: str = "") -> None:
        super().__init__(what, state, event)
        self.what = what
        self.state = state
        self.event = event

    def __str__(self) -> str:
        return f"{self.what} cannot {self.event} while it is {self.state}; look at its state first"


class TimedOut(NotDone, TimeoutError):
    """No answer within `timeout_s`; whether the request was carried out is unknown."""

    def __init__(self, what: str = "", timeout_s: float = 0.0) -> None:
        super().__init__(what, timeout_s)
        self.what = what
        self.timeout_s = timeout_s

    def __str__(self) -> str:
        return f"{self.what} took longer than {self.timeout_s:g} s: try again, or give it longer"


class Cancelled(NotDone):
    """Whoever asked for `what` wants it no more."""

    def __init__(self, what: str = "") -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} was cancelled: begin it again if it is wanted"
