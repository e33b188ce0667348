"""Why something is not stored, or was not found."""

from __future__ import annotations

from .branches import NotDone


class QuotaExceeded(NotDone):
    """The share of one owner, putting peer or subnet is used up.

    `scope` is `owner`, `peer` or `subnet`, and `who` names it; `unit` is what `used` and `limit` count: `bytes` or
    `records`.
    """

    def __init__(self, scope: str = "", who: str = "", used: int = 0, limit: int = 0, unit: str = "bytes") -> None:
        super().__init__(scope, who, used, limit, unit)
        self.scope = scope
        self.who = who
        self.used = used
        self.limit = limit
        self.unit = unit

    def __str__(self) -> str:
        return (
            f"quota of {self.scope} {self.who} exceeded ({self.used} of {self.limit} {self.unit}): "
            "delete records or let them expire, or ask for a larger share"
        )


class StoreFull(NotDone):
    """The whole store has no room, whoever asks."""

    def __init__(self, used_bytes: int = 0, limit_bytes: int = 0) -> None:
        super().__init__(used_bytes, limit_bytes)
        self.used_bytes = used_bytes
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        share = f"{self.used_bytes} of {self.limit_bytes} bytes"
        return f"the store is full ({share}): put elsewhere, or give it a larger size"


class Conflict(NotDone):
    """Compare-and-set: the sequence `expected` is not the one held (0: nothing is held)."""

    def __init__(self, expected: int = 0, held: int = 0) -> None:
        super().__init__(expected, held)
        self.expected = expected
        self.held = held

    def __str__(self) -> str:
        held = f"sequence {self.held}" if self.held else "nothing"
        return (
            f"expected sequence {self.expected}, but {held} is held: get it, decide again, and put with that sequence"
        )


class Superseded(NotDone):
    """A version that wins over the one put is held already; `held` is its sequence."""

    def __init__(self, sequence: int = 0, held: int = 0) -> None:
        super().__init__(sequence, held)
        self.sequence = sequence
        self.held = held

    def __str__(self) -> str:
        return f"sequence {self.held} is held and wins over {self.sequence}: get it, and sign with a higher sequence"


class TooManyOwners(NotDone):
    """An open name has as many owners as one may have; records of other owners are not taken."""

    def __init__(self, limit: int = 0) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"this open name has {self.limit} owners already: choose another name, or wait until one expires"


class NotFound(NotDone, LookupError):
    """None of the `asked` peers closest to `address` (32 bytes) has it."""

    def __init__(self, address: bytes = b"", asked: int = 0) -> None:
        super().__init__(address, asked)
        self.address = address
        self.asked = asked

    def __str__(self) -> str:
        return f"nothing at {self.address.hex()[:16]}… ({self.asked} peers asked): check kind, key and owner, or put it"


class TooFewReplicas(NotDone):
    """A put was synced by `stored` peers, where `wanted` were asked for; what was stored stays."""

    def __init__(self, stored: int = 0, wanted: int = 0, reason: str = "") -> None:
        super().__init__(stored, wanted, reason)
        self.stored = stored
        self.wanted = wanted
        self.reason = reason

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"stored by {self.stored} peers of {self.wanted} wanted{why}: put again later, or ask for fewer"
