"""A store as one would write it with all the time in the world: one dictionary, and sums taken anew each time."""

from __future__ import annotations

from dataclasses import dataclass

from mdht.model import Content, Kind, Record, Signed
from mdht.store import Putter, StoreLimits, Verdict
from mdht.store.verdicts import CompareFailed, NotNewer, QuotaExceeded, Stored, StoreFull, Superseded

from .making import cost


@dataclass
class Kept:
    record: Record
    until_s: int
    first_ms: int
    putter: Putter | None


def slot(record: Record) -> bytes:
    return record.address + (record.owner if isinstance(record, Signed) and record.kind == Kind.OPEN else b"")


class Model:
    def __init__(self, bounds: StoreLimits) -> None:
        self.bounds = bounds
        self.kept: dict[bytes, Kept] = {}

    def put(
        self, record: Record, now_s: float, putter: Putter | None, compare: int | None, lease_s: float | None
    ) -> Verdict:
        there = self.kept.get(slot(record))
        live = there if there is not None and there.until_s > now_s else None
        replaced = 0
        if isinstance(record, Content):
            until_s = int(now_s + min(self.bounds.lease_s, lease_s if lease_s is not None else 1 << 40))
            if live is not None and live.until_s >= until_s:
                return NotNewer(live.until_s)
        else:
            until_s = record.expires_s
            old = live.record if live is not None else None
            assert old is None or isinstance(old, Signed)
            if old is not None:
                rank, new_rank = [(r.sequence, r.value_hash, r.expires_s) for r in (old, record)]
                if rank == new_rank:
                    return NotNewer(until_s)
                replaced = old.sequence
                if compare is not None and compare != old.sequence:
                    return CompareFailed(compare, old.sequence)
                if rank > new_rank or (compare is not None and record.sequence <= old.sequence):
                    return Superseded(record.sequence, old.sequence)
            elif compare:
                return CompareFailed(compare, 0)
            if live is not None and record.value is None:
                putter = live.putter
        first_ms = int(now_s * 1000) if live is None else live.first_ms
        new = Kept(record, until_s, first_ms, putter)
        refused = self.refusal(record, new)
        if refused is not None:
            self.expire(now_s)
            refused = self.refusal(record, new)
            if refused is not None:
                return refused
        self.kept[slot(record)] = new
        return Stored(until_s, replaced, renewed=live is not None and isinstance(record, Content))

    def refusal(self, record: Record, new: Kept) -> Verdict | None:
        now = list(self.kept.values())
        then = [kept for key, kept in self.kept.items() if key != slot(record)] + [new]

        def name(kept: Kept) -> object:
            return kept.record.address if isinstance(kept.record, Signed) and kept.record.kind == Kind.OPEN else None

        def owner(kept: Kept) -> object:
            return kept.record.owner if isinstance(kept.record, Signed) else None

        def peer(kept: Kept) -> object:
            return kept.putter.peer if kept.putter else None

        def subnet(kept: Kept) -> object:
            return kept.putter.subnet or None if kept.putter else None

        if (of := name(new)) is not None:
            before, after = (sum(name(kept) == of for kept in some) for some in (now, then))
            if after > before and after > self.bounds.name_owners:
                return QuotaExceeded("name", record.address.hex(), before, self.bounds.name_owners, "records")
        for scope, key, limit in (
            ("owner", owner, self.bounds.owner_bytes),
            ("peer", peer, self.bounds.peer_bytes),
            ("subnet", subnet, self.bounds.subnet_bytes),
        ):
            if (of := key(new)) is not None:
                before, after = (sum(cost(kept.record) for kept in some if key(kept) == of) for some in (now, then))
                if after > before and after > limit:
                    who = of if isinstance(of, str) else of[:4].hex() if isinstance(of, bytes) else ""
                    return QuotaExceeded(scope, who, before, limit)
        before, after = (sum(cost(kept.record) for kept in some) for some in (now, then))
        if after > before and after > self.bounds.total_bytes:
            return StoreFull(before, self.bounds.total_bytes)
        return None

    def expire(self, now_s: float) -> list[bytes]:
        gone = [key for key, kept in self.kept.items() if kept.until_s <= now_s]
        for key in gone:
            del self.kept[key]
        return gone

    def live(self, now_s: float) -> list[Kept]:
        return [kept for _, kept in sorted(self.kept.items()) if kept.until_s > now_s]
