"""What a put and an expiry do, whatever keeps the records: one set of rules over a few primitive operations.

A put is decided before anything is changed, in this order: version and compare-and-set, then shares, then the size of
the whole store. A backend is a `Shelf`; it need not know any of this.
"""

from __future__ import annotations

from typing import Final, Protocol

from .. import errors, limits
from ..model.record import Record, Signed
from ..model.versions import admit
from .base import Gone
from .entry import NOBODY, Held, Putter, owner_of, slot_of
from .quota import Change, StoreLimits, Usage
from .verdicts import CompareFailed, NotNewer, Stored, Superseded, Verdict

PURGED: Final = 1024
"""Expired records that a put removes at most when it would be refused: a few milliseconds."""


class Shelf(Protocol):
    """The primitive operations; each is atomic towards readers together with all others of its batch."""

    def load(self, slot: bytes) -> Held | None:
        """What is there, expired or not."""
        ...

    def save(self, slot: bytes, owner: bytes, held: Held, old: Held | None) -> None:
        """Put it there, in place of `old`, and keep the indices by expiry and by owner."""
        ...

    def drop(self, slot: bytes, owner: bytes, held: Held) -> None:
        """Remove it, from the indices too."""
        ...

    def due(self, now_s: float, count: int) -> list[bytes]:
        """Slots kept until `now_s` or earlier, at most `count`, the longest due first."""
        ...

    def usage(self, account: bytes) -> Usage:
        """What the account has."""
        ...

    def set_usage(self, account: bytes, usage: Usage) -> None:
        """Keep it; one without records is forgotten."""
        ...


def put(
    shelf: Shelf,
    bounds: StoreLimits,
    record: Record,
    now_s: float,
    putter: Putter | None = None,
    compare: int | None = None,
    lease_s: float | None = None,
) -> Verdict:
    """See `Store.put`. Raises Expired or FarFuture for a record that `verify` would not have let through."""
    verdict, refused = _try_put(shelf, bounds, record, now_s, putter, compare, lease_s)
    if refused and expire(shelf, now_s, PURGED):
        verdict, _ = _try_put(shelf, bounds, record, now_s, putter, compare, lease_s)
    return verdict


def expire(shelf: Shelf, now_s: float, count: int) -> list[Gone]:
    """See `Store.expire`."""
    gone: list[Gone] = []
    for slot in shelf.due(now_s, count):
        if not (removed := remove(shelf, slot)):
            raise errors.Malformed("expiry index", f"it names {slot.hex()[:16]}…, which is not there")
        gone += removed
    return gone


def remove(shelf: Shelf, slot: bytes) -> list[Gone]:
    """What is there, at most one record, as if its time were over."""
    held = shelf.load(slot)
    if held is None:
        return []
    record = held.record
    owner = owner_of(record)
    change = Change((record, held), None)
    shelf.drop(slot, owner, held)
    change.apply(shelf.usage, shelf.set_usage)
    return [Gone(slot[: limits.HASH_BYTES], owner)]


def _try_put(
    shelf: Shelf,
    bounds: StoreLimits,
    record: Record,
    now_s: float,
    putter: Putter | None,
    compare: int | None,
    lease_s: float | None,
) -> tuple[Verdict, bool]:
    """The verdict, and whether it was refused for want of room."""
    slot = slot_of(record)
    there = shelf.load(slot)
    there_record = None if there is None else there.record
    live = there is not None and there.until_s > now_s
    held, held_record = (there, there_record) if live else (None, None)
    replaced = 0
    if isinstance(record, Signed):
        held_signed = held_record if isinstance(held_record, Signed) else None
        no = _weigh(record, held_signed, now_s, compare, slot)
        if no is not None:
            return no, False
        until_s = record.expires_s
        replaced = 0 if held_signed is None else held_signed.sequence
    else:
        lease = bounds.lease_s if lease_s is None else min(max(lease_s, 0), bounds.lease_s)
        until_s = int(now_s + lease)
        if held is not None and held.until_s >= until_s:
            return NotNewer(held.until_s, slot), False
    peer, subnet = (NOBODY, "") if putter is None else (putter.peer, putter.subnet)
    if held is not None and isinstance(record, Signed) and record.is_tombstone:
        peer, subnet = held.putter, held.subnet  # a deletion finds room wherever what it deletes had room
    first_ms = int(now_s * 1000) if held is None else held.first_seen_ms
    new = Held(record.pack(), until_s, first_ms, peer, subnet)
    goes = None if there is None or there_record is None else (there_record, there)
    change = Change(goes, (record, new))
    refusal = change.refusal(shelf.usage, bounds)
    if refusal is not None:
        return refusal, True
    shelf.save(slot, owner_of(record), new, there)
    change.apply(shelf.usage, shelf.set_usage)
    return Stored(until_s, replaced, held is not None and not isinstance(record, Signed), slot), False


def _weigh(record: Signed, held: Signed | None, now_s: float, compare: int | None, slot: bytes) -> Verdict | None:
    """Why this version is not taken; None where it is."""
    if record.expires_s <= now_s:
        raise errors.Expired(record.expires_s, now_s)
    latest_s = now_s + limits.EXPIRES_S + limits.EXPIRES_SLACK_S
    if record.expires_s > latest_s:
        raise errors.FarFuture(record.expires_s, latest_s)
    try:
        if admit(record, held, compare):
            return None
        return NotNewer(record.expires_s, slot)
    except errors.Conflict as conflict:
        return CompareFailed(conflict.expected, conflict.held)
    except errors.Superseded as superseded:
        return Superseded(superseded.sequence, superseded.held)
