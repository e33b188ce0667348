"""A load on a node, in numbers. Pure.

A load is gets and puts of content and owned records, sent by load makers straight to the node under test, each get of
a record that it holds. So it is the work of a storing node: links, verification and store, without the lookups of an
asking one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from ..config import Config
from ..config.services import Fault
from ..errors import ConfigError
from ..limits import VALUE_BYTES
from ..node import NodeStats

LINKS_MAX: Final = 1_024
"""Links of the load: a node has 4,096 by default, and each takes 40 KiB at either end."""

IN_FLIGHT_MAX: Final = 4_096
"""Requests under way: a link may have `mdht.limits.LINK_REQUESTS`, and what waits longer only waits."""

RECORDS_MAX: Final = 200_000
"""Records put before gets begin: 200,000 of 256 bytes are put in half a minute."""

SIZES_MAX: Final = 16
"""Sizes of values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is asked of the node."""

    get_share: float = 0.9
    """Part of the requests that are gets, 0 to 1; the others put records that are new."""
    owned_share: float = 0.0
    """Part of the puts that are owned records, whose signatures are verified; the others are content."""
    value_bytes: tuple[int, ...] = (256,)
    """Sizes of values in bytes, each as often as the others; at least 16, by which they are told apart."""
    links: int = 16
    """Links to the node, shared out to the load makers."""
    in_flight: int = 64
    """Requests under way, over all links."""
    records: int = 2_000
    """Records that are there when gets begin."""
    store: str = "memory"
    """`memory` or `lmdb`: puts to the latter are answered once they are synced."""

    def faults(self) -> list[Fault]:
        """Everything that is wrong."""
        faults: list[Fault] = []

        def within(key: str, value: float, low: float, high: float) -> None:
            if not low <= value <= high:
                faults.append((key, repr(value), f"{low:g} to {high:,g}"))

        within("get_share", self.get_share, 0, 1)
        within("owned_share", self.owned_share, 0, 1)
        within("links", self.links, 1, LINKS_MAX)
        within("in_flight", self.in_flight, 1, IN_FLIGHT_MAX)
        within("records", self.records, 1, RECORDS_MAX)
        within("value_bytes", len(self.value_bytes), 1, SIZES_MAX)
        for size in self.value_bytes:
            within("value_bytes", size, 16, VALUE_BYTES)
        if self.store not in ("memory", "lmdb"):
            faults.append(("store", repr(self.store), "memory or lmdb"))
        return faults

    def check(self) -> None:
        """Raises ConfigError with all faults."""
        if faults := self.faults():
            raise ConfigError(faults)

    @property
    def puts(self) -> bool:
        """Whether there are any."""
        return self.get_share < 1

    @property
    def waits_for_disk(self) -> bool:
        """Whether some requests are answered only after a disk has said so."""
        return self.puts and self.store == "lmdb"

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "value_bytes": list(self.value_bytes)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Workload:
        """What `as_dict` gave. Raises ConfigError."""
        known = {one.name for one in fields(cls)}
        values: dict[str, Any] = {key: one for key, one in plain.items() if key in known}
        made = cls(**{**values, "value_bytes": tuple(values.get("value_bytes", (256,)))})
        made.check()
        return made

    def __str__(self) -> str:
        sizes = ", ".join(f"{size:,}" for size in self.value_bytes)
        mix = f"{self.get_share:.0%} gets" if 0 < self.get_share < 1 else ("gets" if self.get_share else "puts")
        owned = f", {self.owned_share:.0%} of puts owned" if self.owned_share else ""
        return f"{mix}{owned}, {sizes} bytes, {self.links} links, {self.in_flight} in flight, store {self.store}"


def seen_by(stats: NodeStats, config: Config, **changes: Any) -> Workload:
    """The mix that a node has seen since its start, by its numbers; `changes` are fields that are known better.

    Its gets and puts are those of its store, whoever asked; the size of values is the mean of what it holds. Requests
    in flight are not counted by a node, so they are four a link. Raises ConfigError where it has seen nothing.
    """
    store = stats.store
    puts = store.stored + store.not_newer + store.superseded
    gets = max(store.gets, stats.links.served - puts)  # of LMDB, processes beside the links read by themselves
    if gets + puts == 0:
        right = "a node that has been used, or the load by options"
        raise ConfigError([("like", "this node has served nothing yet", right)])
    links = int(changes.get("links", min(max(stats.links.links, 1), LINKS_MAX)))
    size = round(store.bytes / store.records) if store.records else 256
    fields_of: dict[str, Any] = {
        "get_share": round(gets / (gets + puts), 3),
        "value_bytes": (min(max(size, 16), VALUE_BYTES),),
        "links": links,
        "in_flight": min(4 * links, IN_FLIGHT_MAX),
        "records": min(max(store.records, 100), 20_000),
        "store": config.store,
    }
    made = Workload(**fields_of | changes)
    made.check()
    return made
