"""What became of a put: plain values, so that they cross channels. A refusal can be made the error for a user."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from .. import errors
from ..errors import NotDone

NAME = "name"
"""The scope of the quota on owners of one open name; the others are `owner`, `peer` and `subnet`."""


@dataclass(frozen=True, slots=True)
class Stored:
    """It is held now (in a batch: once `commit` has returned)."""

    holds: ClassVar[bool] = True
    until_s: int
    """When it will be forgotten: its own expiry, or for content the end of the lease. Seconds since 1970 UTC."""
    replaced: int = 0
    """The sequence of the version that it replaced; 0: nothing was held."""
    renewed: bool = False
    """The content was held already, and its lease is longer now."""
    slot: bytes = field(default=b"", compare=False, repr=False)
    """Under which it is kept (see `entry`): to compute it again costs two hashes of the value."""

    def error(self) -> NotDone | None:
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class NotNewer:
    """That very version was held already: nothing changed, and as an acknowledgement it is as good as Stored."""

    holds: ClassVar[bool] = True
    until_s: int
    slot: bytes = field(default=b"", compare=False, repr=False)
    """As in `Stored`."""

    def error(self) -> NotDone | None:
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class Superseded:
    """A version is held that wins over this one; get it from the store to show it to the sender."""

    holds: ClassVar[bool] = False
    sequence: int
    held: int

    def error(self) -> NotDone | None:
        """For a user."""
        return errors.Superseded(self.sequence, self.held)


@dataclass(frozen=True, slots=True)
class CompareFailed:
    """Another sequence is held than was expected (0: nothing)."""

    holds: ClassVar[bool] = False
    expected: int
    held: int

    def error(self) -> NotDone | None:
        """For a user."""
        return errors.Conflict(self.expected, self.held)


@dataclass(frozen=True, slots=True)
class QuotaExceeded:
    """The share of `who` would be exceeded: an owner, a putting peer, a subnet, or an open name's owners."""

    holds: ClassVar[bool] = False
    scope: str
    who: str
    used: int
    limit: int
    unit: str = "bytes"

    def error(self) -> NotDone | None:
        """For a user."""
        if self.scope == NAME:
            return errors.TooManyOwners(self.limit)
        return errors.QuotaExceeded(self.scope, self.who, self.used, self.limit, self.unit)


@dataclass(frozen=True, slots=True)
class StoreFull:
    """No share is exceeded, but the store as a whole has no room."""

    holds: ClassVar[bool] = False
    used_bytes: int
    limit_bytes: int

    def error(self) -> NotDone | None:
        """For a user."""
        return errors.StoreFull(self.used_bytes, self.limit_bytes)


Verdict = Stored | NotNewer | Superseded | CompareFailed | QuotaExceeded | StoreFull
