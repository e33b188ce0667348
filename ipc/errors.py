"""Every error that `ipc` raises, under one root.

Data lives in attributes; the sentence is in `str()`, and says what to do. An error is raised where the call was made:
in the thread that called a client, or in the service that used an outlet.
"""

from __future__ import annotations

from collections.abc import Sequence


class IpcError(Exception):
    """The root of all errors of this package."""


# -- channels: the four kinds ------------------------------------------------------------------------------------------


class ChannelError(IpcError):
    """A channel could not carry a command."""


class Closed(ChannelError):
    """You closed it: the client, the tree or this end of the channel."""


class Broken(ChannelError):
    """The other end of the channel is gone without saying goodbye."""


class EndOfChannel(ChannelError):
    """The other end said goodbye: everything it sent was received, and nothing more will come."""


class Full(ChannelError):
    """The channel has no room, in commands or in bytes, and its policy or its deadline forbids to wait longer."""


class BadFrame(ChannelError):
    """Bytes that are not a frame of this package: truncated, oversized, or of the wrong shape."""


# -- other machines ----------------------------------------------------------------------------------------------------


class Insecure(IpcError, ValueError):
    """A service would be reachable, or reached, from another machine without keys that say who may."""


class Refused(ChannelError):
    """The other machine was there and did not let you in; the sentence says why, as far as it told."""


class Unreachable(ChannelError, TimeoutError):
    """Nobody answered at that endpoint in time."""


# -- calls -------------------------------------------------------------------------------------------------------------


class CallError(IpcError):
    """A call did not bring an answer."""


class CallTimeout(CallError, TimeoutError):
    """No answer came in time. A command still queued is dropped; one that runs is finished, its answer discarded."""

    def __init__(self, service: str = "", timeout_s: float = 0.0) -> None:
        super().__init__(service, timeout_s)
        self.service = service
        self.timeout_s = timeout_s

    def __str__(self) -> str:
        return f"service {self.service!r} did not answer within {self.timeout_s:g} s: give it longer, or place it wider"


class ServiceDied(CallError):
    """The service ended before it answered; the command may or may not have run, and is not tried again."""

    def __init__(self, service: str = "", reason: str = "", exit_code: int | None = None) -> None:
        super().__init__(service, reason, exit_code)
        self.service = service
        self.reason = reason
        self.exit_code = exit_code

    def __str__(self) -> str:
        code = "" if self.exit_code is None else f" ({describe_exit(self.exit_code)})"
        return f"service {self.service!r} died{code}: {self.reason or 'the command may have run'}"


class ServiceError(CallError):
    """The service raised an exception whose type cannot be rebuilt here: its type name and message."""

    def __init__(self, type_name: str = "", message: str = "") -> None:
        super().__init__(type_name, message)
        self.type_name = type_name
        self.message = message

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}"


class RemoteTraceback(IpcError):
    """The traceback of an exception as it was printed where it was raised; always the cause of the error you caught."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


class Reentrant(CallError):
    """A waiting call would wait for itself: the service is already on the chain of callers."""


class WouldDeadlock(CallError):
    """A blocking method was used on a thread that must run for it to finish; the message names the method to await."""


class CannotSuspend(CallError):
    """A service waited half-way in a call without having declared that it does, or where its stack cannot be kept."""


# -- life --------------------------------------------------------------------------------------------------------------


class MoveError(IpcError):
    """A move did not happen; the service stays where it was."""


class MoveTimeout(MoveError, TimeoutError):
    """The running calls did not end in time; nothing has changed."""


class StartTimeout(IpcError, TimeoutError):
    """A service or its process did not come up in time."""


class TooManyRestarts(IpcError):
    """A process, or a service by itself, died more often than the restart intensity allows; the tree has given up."""


class UnknownService(IpcError, LookupError):
    """No service of that name is in the tree."""


# -- configuration and values ------------------------------------------------------------------------------------------


class PlacementError(IpcError, ValueError):
    """A placement that does not exist, or that this service cannot have.

    `placement` is the text that was refused, `legal` the placements that would work.
    """

    def __init__(self, placement: str = "", reason: str = "", legal: Sequence[str] = ()) -> None:
        super().__init__(placement, reason, tuple(legal))
        self.placement = placement
        self.reason = reason
        self.legal = tuple(legal)

    def __str__(self) -> str:
        would = f"; legal: {', '.join(self.legal)}" if self.legal else ""
        return f"placement {self.placement!r}: {self.reason}{would}"


class NotSendable(IpcError, TypeError):
    """A value cannot cross to another process. `path` leads to it (`Put.record.file`), `type_name` says what it is."""

    def __init__(self, path: str = "", type_name: str = "", hint: str = "") -> None:
        super().__init__(path, type_name, hint)
        self.path = path
        self.type_name = type_name
        self.hint = hint

    def __str__(self) -> str:
        hint = self.hint or "make it a @sendable dataclass of plain values"
        return f"{self.path}: {self.type_name} cannot be sent; {hint}"


def describe_exit(code: int) -> str:
    """`exit code 3`, or `signal 9` for the negative codes that the standard library uses."""
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
