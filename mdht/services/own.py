"""A node's own identity, as its services carry it: sent to a child of this node over its control channel only."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from ipc import sendable

from ..model import Identity


@sendable("mdht.own_identity")
@dataclass(frozen=True)
class OwnIdentity:
    """The private key, 32 bytes, which is never shown."""

    seed: bytes = field(repr=False)

    @classmethod
    def of(cls, identity: Identity) -> OwnIdentity:
        """That of an identity."""
        return cls(identity.to_seed())

    @cached_property
    def identity(self) -> Identity:
        """The identity, which signs."""
        return Identity.from_seed(self.seed)
