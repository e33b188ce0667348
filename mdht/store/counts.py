"""Totals of a store: what was asked, and what became of it."""

from __future__ import annotations

from collections import Counter

from .base import StoreStats
from .quota import StoreLimits, Usage
from .verdicts import CompareFailed, NotNewer, QuotaExceeded, Stored, StoreFull, Superseded, Verdict


class Counts:
    """Counted as it happens. Of several threads some may be lost: these are for people."""

    __slots__ = ("commits", "dead_readers", "expired", "gets", "growths", "hits", "verdicts")

    def __init__(self) -> None:
        self.gets = 0
        self.hits = 0
        self.expired = 0
        self.commits = 0
        self.growths = 0
        self.dead_readers = 0
        self.verdicts: Counter[type[Verdict]] = Counter()

    def stats(
        self, total: Usage, bounds: StoreLimits, map_bytes: int = 0, file_bytes: int = 0, readers: int = 0
    ) -> StoreStats:
        """With what the store has now."""
        return StoreStats(
            records=total.records,
            bytes=total.bytes,
            limit_bytes=bounds.total_bytes,
            gets=self.gets,
            hits=self.hits,
            stored=self.verdicts[Stored],
            not_newer=self.verdicts[NotNewer],
            superseded=self.verdicts[Superseded],
            compare_failed=self.verdicts[CompareFailed],
            quota_exceeded=self.verdicts[QuotaExceeded],
            full=self.verdicts[StoreFull],
            expired=self.expired,
            commits=self.commits,
            map_bytes=map_bytes,
            file_bytes=file_bytes,
            growths=self.growths,
            readers=readers,
            dead_readers=self.dead_readers,
        )
