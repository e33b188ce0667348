"""The store in memory: dictionaries, gone with the process. For tests, simulations, and nodes without a disk.

Not thread-safe: one service owns it. What a batch has put is seen at once, and taken back if the batch is aborted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ipc import sendable

from ..errors import WrongState
from ..limits import HASH_BYTES
from ..model.record import Record
from . import rules
from .base import EXPIRE, PAGE, PAGE_BYTES, Batch, Gone, Page, Store, StoreStats
from .counts import Counts
from .entry import Held, Putter, decode, first_of_name
from .expiry import ExpiryIndex
from .quota import NOTHING, TOTAL, StoreLimits, Usage
from .region import EVERYTHING, Region
from .reshard import adopt
from .verdicts import Verdict


def _parts_of(store: MemoryStore) -> Sequence[Any]:
    return [[held.encode() for held in store]]


def _of_parts(values: Sequence[Any]) -> MemoryStore:
    (records,) = values
    store = MemoryStore()
    for record in records:
        store.adopt(decode(record))
    return store


@sendable("mdht.memory_store", parts=_parts_of, build=_of_parts)
class MemoryStore(Store):
    """See `Store` for the methods, and the module. Its records can be sent to another process, as far as one command
    can (256 MiB); its bounds are to be set there, and what it has counted stays behind.
    """

    def __init__(self, bounds: StoreLimits | None = None) -> None:
        self.bounds = StoreLimits() if bounds is None else bounds
        self._shelf = _MemoryShelf()
        self._batch: MemoryBatch | None = None
        self._counts = Counts()
        self._open = True

    def put(
        self,
        record: Record,
        now_s: float,
        putter: Putter | None = None,
        *,
        compare: int | None = None,
        lease_s: float | None = None,
    ) -> Verdict:
        self._check("put")
        verdict = rules.put(self._shelf, self.bounds, record, now_s, putter, compare, lease_s)
        self._counts.verdicts[type(verdict)] += 1
        return verdict

    def begin_batch(self) -> Batch:
        self._check("begin a batch")
        self._shelf.undo = []
        self._batch = MemoryBatch(self)
        return self._batch

    def get(self, address: bytes, now_s: float, owner: bytes | None = None) -> Held | None:
        self._check_open()
        self._counts.gets += 1
        held = self._shelf.slots.get(address)
        if held is None and address in self._shelf.names:
            held = self._of_name(address, now_s, owner)
        if held is None or held.until_s <= now_s:
            return None
        self._counts.hits += 1
        return held

    def get_all(self, address: bytes, now_s: float) -> list[Held]:
        self._check_open()
        self._counts.gets += 1
        slots = self._shelf.names.get(address, (address,))
        there = [(slot, self._shelf.slots.get(slot)) for slot in slots]
        found = sorted((held.first_seen_ms, slot, held) for slot, held in there if held and held.until_s > now_s)
        self._counts.hits += bool(found)
        return [held for _, _, held in found]

    def owned_by(self, owner: bytes, count: int = PAGE, after: bytes = b"") -> list[bytes]:
        self._check_open()
        addresses = sorted(slot[:HASH_BYTES] for slot in self._shelf.owners.get(owner, ()))
        return [address for address in addresses if address > after][:count]

    def scan(self, now_s: float, region: Region = EVERYTHING, after: bytes | None = None, count: int = PAGE) -> Page:
        self._check_open()
        slots, ordered = self._shelf.slots, self._shelf.ordered()
        found: list[Held] = []
        size = 0
        for first, last in region.ranges:
            low = bisect_left(ordered, first)
            if after is not None:
                low = max(low, bisect_right(ordered, after))
            for at in range(low, len(ordered)):
                slot = ordered[at]
                if slot[:HASH_BYTES] > last:
                    break
                held = slots.get(slot)
                if held is None or held.until_s <= now_s:
                    continue
                found.append(held)
                size += len(held.packed)
                if len(found) >= count or size >= PAGE_BYTES:
                    return Page(tuple(found), slot)
        return Page(tuple(found), None)

    def expire(self, now_s: float, count: int = EXPIRE) -> list[Gone]:
        self._check("expire")
        gone = rules.expire(self._shelf, now_s, count)
        self._counts.expired += len(gone)
        return gone

    def remove(self, address: bytes, owner: bytes = b"") -> bool:
        self._check("remove")
        return bool(rules.remove(self._shelf, address + owner))

    def next_expiry_s(self) -> int | None:
        self._check_open()
        return self._shelf.expiry.next_s()

    def stats(self) -> StoreStats:
        return self._counts.stats(self._shelf.usage(TOTAL), self.bounds)

    def __iter__(self) -> Iterator[Held]:
        """All that is held, expired or not, in no order."""
        return iter(self._shelf.slots.values())

    def adopt(self, held: Held) -> None:
        """Keep what another store held; see `reshard.adopt`."""
        adopt(self._shelf, held)

    def close(self) -> None:
        if self._batch is not None:
            self._batch.abort()
        self._open = False
        self._shelf = _MemoryShelf()

    def _of_name(self, address: bytes, now_s: float, owner: bytes | None) -> Held | None:
        if owner is not None:
            return self._shelf.slots.get(address + owner)
        return first_of_name(self.get_all(address, now_s))

    def _check_open(self) -> None:
        if not self._open:
            raise WrongState("store", "closed", "be used")

    def _check(self, event: str) -> None:
        self._check_open()
        if self._batch is not None:
            raise WrongState("store", "in a batch", event)

    def _end(self, verdicts: list[Verdict], expired: int) -> None:
        self._batch = None
        self._shelf.undo = None
        self._counts.verdicts.update(type(verdict) for verdict in verdicts)
        self._counts.expired += expired
        self._counts.commits += 1


class MemoryBatch(Batch):
    """See `Batch`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store: MemoryStore | None = store
        self._verdicts: list[Verdict] = []
        self._expired = 0

    @property
    def ended(self) -> bool:
        return self._store is None

    def put(
        self,
        record: Record,
        now_s: float,
        putter: Putter | None = None,
        *,
        compare: int | None = None,
        lease_s: float | None = None,
    ) -> Verdict:
        store = self._live("put")
        verdict = rules.put(store._shelf, store.bounds, record, now_s, putter, compare, lease_s)
        self._verdicts.append(verdict)
        return verdict

    def expire(self, now_s: float, count: int = EXPIRE) -> list[Gone]:
        gone = rules.expire(self._live("expire")._shelf, now_s, count)
        self._expired += len(gone)
        return gone

    def commit(self) -> list[Verdict]:
        self._live("commit")._end(self._verdicts, self._expired)
        self._store = None
        return self._verdicts

    def abort(self) -> None:
        if self._store is not None:
            self._store._shelf.take_back()
            self._store._batch = None
            self._store = None

    def _live(self, event: str) -> MemoryStore:
        if self._store is None:
            raise WrongState("batch", "ended", event)
        return self._store


class _MemoryShelf:
    """The primitive operations that `rules` needs."""

    __slots__ = ("_fresh", "_sorted", "_usage", "expiry", "names", "owners", "slots", "undo")

    def __init__(self) -> None:
        self.slots: dict[bytes, Held] = {}
        self.names: dict[bytes, dict[bytes, None]] = {}
        """Slots of each open name."""
        self.owners: dict[bytes, dict[bytes, None]] = {}
        """Slots of each owner."""
        self.expiry = ExpiryIndex()
        self.undo: list[Callable[[], None]] | None = None
        """How to take back what a batch did; None: there is none."""
        self._usage: dict[bytes, Usage] = {}
        self._sorted: list[bytes] = []
        self._fresh: list[bytes] = []

    def load(self, slot: bytes) -> Held | None:
        return self.slots.get(slot)

    def save(self, slot: bytes, owner: bytes, held: Held, old: Held | None) -> None:
        if self.undo is not None:
            self.undo.append((lambda: self.drop(slot, owner, held)) if old is None else (lambda: self._set(slot, old)))
        if old is None:
            self._fresh.append(slot)
            if len(self._fresh) > 2 * len(self.slots) + PAGE:  # nobody scans, while slots come and go
                self._sorted, self._fresh = [], [*self.slots, slot]
            if len(slot) > HASH_BYTES:
                self.names.setdefault(slot[:HASH_BYTES], {})[slot] = None
            if owner:
                self.owners.setdefault(owner, {})[slot] = None
        self._set(slot, held)

    def drop(self, slot: bytes, owner: bytes, held: Held) -> None:
        if self.undo is not None:
            self.undo.append(lambda: self.save(slot, owner, held, None))
        del self.slots[slot]
        self.expiry.discard(slot)
        if len(slot) > HASH_BYTES:
            _discard(self.names, slot[:HASH_BYTES], slot)
        if owner:
            _discard(self.owners, owner, slot)

    def due(self, now_s: float, count: int) -> list[bytes]:
        return self.expiry.due(now_s, count)

    def usage(self, account: bytes) -> Usage:
        return self._usage.get(account, NOTHING)

    def set_usage(self, account: bytes, usage: Usage) -> None:
        if self.undo is not None:
            before = self.usage(account)
            self.undo.append(lambda: self.set_usage(account, before))
        if usage.records:
            self._usage[account] = usage
        else:
            self._usage.pop(account, None)

    def take_back(self) -> None:
        """Undo what the batch did."""
        undo, self.undo = self.undo or [], None
        for step in reversed(undo):
            step()

    def ordered(self) -> list[bytes]:
        """All slots in their order, with some that are gone, and none twice.

        Sorted when a scan asks and not before: appending to a sorted list and sorting again is nearly linear.
        """
        if len(self._sorted) > 2 * len(self.slots) + PAGE:
            self._sorted, self._fresh = sorted(self.slots), []
        if self._fresh:
            self._sorted = sorted(dict.fromkeys(self._sorted + self._fresh))
            self._fresh = []
        return self._sorted

    def _set(self, slot: bytes, held: Held) -> None:
        self.slots[slot] = held
        self.expiry.set(slot, held.until_s)


def _discard(index: dict[bytes, dict[bytes, None]], key: bytes, slot: bytes) -> None:
    slots = index[key]
    del slots[slot]
    if not slots:
        del index[key]
