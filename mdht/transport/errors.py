"""What can go wrong between this node's socket and another's."""

from __future__ import annotations

from ..errors import LocalError, NotDone


class CannotDial(NotDone):
    """Nobody could be reached at `address`."""

    def __init__(self, address: str = "", reason: str = "") -> None:
        super().__init__(address, reason)
        self.address = address
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot reach {self.address} ({self.reason}): check the address, and that a node listens there"


class CannotListen(LocalError):
    """This node may not listen at `address`: it is taken, not of this machine, or not allowed."""

    def __init__(self, address: str = "", reason: str = "") -> None:
        super().__init__(address, reason)
        self.address = address
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot listen at {self.address} ({self.reason}): choose another address, or stop what has it"
