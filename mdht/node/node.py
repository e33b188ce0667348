"""`Node`: everything that its user may ask, in groups."""

from __future__ import annotations

from ..errors import WrongState
from .control import Control
from .files import FileCalls
from .numbers import NumberCalls
from .peers import PeerCalls
from .records import RecordCalls
from .upkeep import UpkeepCalls


class Node(PeerCalls, RecordCalls, FileCalls, UpkeepCalls, NumberCalls, Control):
    """See `mdht.node`. Thread-safe. `with` and `async with` enter it, once.

    Entering raises ConfigError, CannotListen, DataDirInUse, DataDirUnusable, and what the store raises.
    """

    @property
    def id(self) -> bytes:
        """The node's id, 32 bytes."""
        return self.identity.id

    @property
    def public(self) -> bytes:
        """The node's public key, 32 bytes: the owner of its records, as `get(key, owner=…)` takes it."""
        return self.identity.public

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where others reach it: what it advertises, or where it really listens. Empty before it is entered."""
        return self._here

    @property
    def address(self) -> str:
        """The first of them with the id, as others write it into `seeds` and `connect`. Raises WrongState."""
        if not self._here:
            raise WrongState("a node", "not listening", "be dialled")
        return f"{self.id.hex()}@{self._here[0]}"

    def __repr__(self) -> str:
        return f"<node {self.id[:4].hex()} at {', '.join(self._here) or 'nowhere yet'}>"
