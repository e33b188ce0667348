"""Shares: how much of the store one owner, one putting peer, one subnet may take, and how many owners an open name has.

Whoever asks for more than a share is refused by that share before the store is full for everybody; identities cost
nothing, so the share of a subnet bounds what a peer with many of them gets. Each share is an *account*, a key of a few
bytes with two numbers; stores keep the accounts as they keep everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from .. import limits
from ..model.record import Kind, Record, Signed
from .entry import NOBODY, Held
from .verdicts import NAME, QuotaExceeded, StoreFull

TOTAL: Final = b"*"
"""The account of the whole store."""


@dataclass(frozen=True)
class StoreLimits:
    """Bounds of a store, in bytes of records and `OVERHEAD_BYTES` for each."""

    total_bytes: int = limits.STORE_BYTES
    owner_bytes: int = limits.QUOTA_OWNER_BYTES
    peer_bytes: int = limits.QUOTA_PEER_BYTES
    subnet_bytes: int = limits.QUOTA_SUBNET_BYTES
    name_owners: int = limits.OPEN_OWNERS
    """Owners of one open name."""
    lease_s: int = limits.CONTENT_LEASE_S
    """Longest lease that content gets."""

    def faults(self) -> list[str]:
        """Everything that is wrong with these values, each with what would be right; empty where nothing is."""
        least = limits.RECORD_BYTES + 4096
        wrong = [
            f"{name}: must be at least {least}, room for one record, not {getattr(self, name)}"
            for name in ("total_bytes", "owner_bytes", "peer_bytes", "subnet_bytes")
            if getattr(self, name) < least
        ]
        if not 1 <= self.name_owners <= limits.OPEN_OWNERS:
            wrong.append(f"name_owners: must be 1 to {limits.OPEN_OWNERS}, not {self.name_owners}")
        if not 1 <= self.lease_s <= limits.CONTENT_LEASE_S:
            wrong.append(f"lease_s: must be 1 to {limits.CONTENT_LEASE_S}, not {self.lease_s}")
        return wrong

    @cached_property
    def shares(self) -> dict[int, tuple[str, int]]:
        """Scope and bound of the accounts by their first byte; of an open name in owners, of the others in bytes."""
        return {
            ord("n"): (NAME, self.name_owners),
            ord("o"): ("owner", self.owner_bytes),
            ord("p"): ("peer", self.peer_bytes),
            ord("s"): ("subnet", self.subnet_bytes),
            ord("*"): ("store", self.total_bytes),
        }


class Usage(NamedTuple):
    """What an account has."""

    records: int = 0
    bytes: int = 0


NOTHING: Final = Usage()


def accounts(record: Record, held: Held) -> list[bytes]:
    """The accounts that an entry counts in, the whole store last."""
    found: list[bytes] = []
    if isinstance(record, Signed):
        if record.kind == Kind.OPEN:
            found.append(b"n" + record.address)
        found.append(b"o" + record.owner)
    if held.putter != NOBODY:
        found.append(b"p" + held.putter)
        if held.subnet:
            found.append(b"s" + held.subnet.encode())
    found.append(TOTAL)
    return found


class Change:
    """What a put or a removal does to the accounts: first weighed, then applied, all or nothing."""

    __slots__ = ("_deltas",)

    def __init__(self, goes: tuple[Record, Held] | None, comes: tuple[Record, Held] | None) -> None:
        """`goes` leaves the store and `comes` enters it; either may be None."""
        out = [] if goes is None else accounts(*goes)
        out_bytes = 0 if goes is None else goes[1].cost_bytes
        into = [] if comes is None else accounts(*comes)
        into_bytes = 0 if comes is None else comes[1].cost_bytes
        if out == into:
            self._deltas = dict.fromkeys(into, (0, into_bytes - out_bytes))
            return
        self._deltas = dict.fromkeys(into, (1, into_bytes))
        for account in out:
            both = account in self._deltas
            self._deltas[account] = (0, into_bytes - out_bytes) if both else (-1, -out_bytes)

    def refusal(self, usage: Callable[[bytes], Usage], bounds: StoreLimits) -> QuotaExceeded | StoreFull | None:
        """The first bound that this exceeds; None where it may be applied.

        Only an account that grows can be exceeded: where a bound was lowered, what is there may still be replaced or
        deleted. Shares come before the whole store.
        """
        full: StoreFull | None = None
        shares = bounds.shares
        for account, (records, size) in self._deltas.items():
            scope, limit = shares[account[0]]
            used = usage(account)
            if scope is NAME:
                if records > 0 and used.records + records > limit:
                    return QuotaExceeded(scope, account[1:].hex(), used.records, limit, "records")
            elif size > 0 and used.bytes + size > limit:
                if account == TOTAL:
                    full = StoreFull(used.bytes, limit)
                else:
                    who = account[1:].decode() if scope == "subnet" else account[1:5].hex()
                    return QuotaExceeded(scope, who, used.bytes, limit)
        return full

    def apply(self, usage: Callable[[bytes], Usage], set_usage: Callable[[bytes, Usage], None]) -> None:
        """Book it."""
        for account, (records, size) in self._deltas.items():
            if records or size:
                used_records, used_bytes = usage(account)
                set_usage(account, Usage(used_records + records, used_bytes + size))
