"""The routing table's settings: implementation, not protocol; peers need not agree on them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..limits import REPLICAS, K
from .diversity import DiversityLimits


@dataclass(frozen=True, slots=True)
class TableConfig:
    """Each trade-off is under its field."""

    bucket_size: int = K
    """k: contacts in a bucket, so many that it is unlikely that all leave within an hour."""
    wider: tuple[int, ...] = (16, 8, 4, 2)
    """Factors for the first buckets (libtorrent): more memory, fewer hops."""
    siblings: int = 2 * REPLICAS
    """Contacts nearest to the own id that always find room: twice as many as hold a record."""
    spares: int = 10
    """Contacts of a bucket that wait for a place: half a bucket, go-ethereum's number."""
    refresh_s: float = 3_600.0
    """A bucket nothing was looked up in for so long is refreshed: Kademlia's hour (section 2.3). BEP 5 takes 15 minutes
    for contacts without links; ours show when they break, and refreshing was most of an idle node's work."""
    questionable_s: float = 900.0
    """A contact unseen for so long is checked when another wants its place (BEP 5)."""
    check_again_s: float = 60.0
    """The same contact is not named for a check more often than this."""
    replace_after: int = 2
    """Failures in a row after which a proven spare takes the place: one may be a lost packet."""
    drop_after: int = 5
    """Failures in a row after which a contact goes without a successor."""
    diversity: DiversityLimits = field(default_factory=DiversityLimits)

    def faults(self) -> list[str]:
        """Everything that is wrong with these values, each with what would be right; empty where nothing is."""
        wrong = [
            f"{name}: must be at least 1, not {getattr(self, name)}"
            for name in ("bucket_size", "replace_after", "drop_after")
            if getattr(self, name) < 1
        ]
        wrong += [
            f"{name}: must not be negative, not {getattr(self, name)}"
            for name in ("siblings", "spares", "refresh_s", "questionable_s", "check_again_s")
            if getattr(self, name) < 0
        ]
        if any(factor < 1 for factor in self.wider):
            wrong.append(f"wider: every factor must be at least 1, not {self.wider}")
        if self.diversity.bucket < 1 or self.diversity.table < self.diversity.bucket:
            wrong.append(f"diversity: 1 <= bucket <= table is needed, not {self.diversity}")
        return wrong

    def capacity(self, bucket: int) -> int:
        """Contacts that a bucket takes once it is not the last one."""
        return self.bucket_size * (self.wider[bucket] if bucket < len(self.wider) else 1)
