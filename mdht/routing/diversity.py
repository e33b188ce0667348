"""How many contacts of one subnet a bucket and the whole table take.

Without it one machine with one address and a thousand keys fills any table (an eclipse attack: Singh et al. 2006;
Marcus, Heilman and Goldberg 2018, whose counter-measure in go-ethereum is the source of the two numbers).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

from .subnet import IPV4_BITS, IPV6_BITS, is_local, subnet_of

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class DiversityLimits:
    """More lets a hoster with many honest nodes in, fewer makes an eclipse dearer. Spares count like entries."""

    bucket: int = 2
    """Contacts of one subnet in a bucket."""
    table: int = 10
    """Contacts of one subnet in the table."""
    ipv4_bits: int = IPV4_BITS
    """Leading bits of an IPv4 address that count as one subnet."""
    ipv6_bits: int = IPV6_BITS
    """The same for IPv6."""
    count_local: bool = False
    """Whether loopback and private addresses are counted: off, because whole test and company networks share one."""


class Diversity:
    """Counts contacts by subnet; `""` is the subnet that is not counted."""

    __slots__ = ("_buckets", "_table", "limits")

    def __init__(self, limits: DiversityLimits) -> None:
        self.limits = limits
        self._table: Counter[str] = Counter()
        self._buckets: Counter[tuple[int, str]] = Counter()

    def subnet(self, host: str) -> str:
        """The subnet that a contact at this host is counted under."""
        if is_local(host) and not self.limits.count_local:
            return ""
        return subnet_of(host, self.limits.ipv4_bits, self.limits.ipv6_bits)

    def room(self, bucket: int, subnet: str) -> bool:
        """Whether one more of this subnet may enter."""
        if not subnet:
            return True
        return self._table[subnet] < self.limits.table and self._buckets[bucket, subnet] < self.limits.bucket

    def add(self, bucket: int, subnet: str) -> None:
        """One has entered."""
        if subnet:
            self._table[subnet] += 1
            self._buckets[bucket, subnet] += 1

    def remove(self, bucket: int, subnet: str) -> None:
        """One has left; counts at zero are forgotten, so this is as bounded as the table."""
        if subnet:
            _take(self._table, subnet)
            _take(self._buckets, (bucket, subnet))

    def move(self, subnet: str, bucket: int, into: int) -> None:
        """One has moved to a deeper bucket, because its own was split."""
        self.remove(bucket, subnet)
        self.add(into, subnet)


def _take(counter: Counter[K], key: K) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
