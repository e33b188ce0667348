"""What a tree knows of its services, hosts, ports, lines and wires. Plain data; read and written on the control loop
only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ..channels.bounds import Bounds
from ..placement import Placement
from ..scheduling import Scheduling
from ..service import Service


@dataclass(eq=False, slots=True)
class HostRecord:
    """A host, in this process (`agent` is the tree's own) or in a child. `claims` are services on their way to it,
    `condemned` says why it was killed.
    """

    id: int
    kind: str
    agent: Any
    host: Any = None
    spawned: Any = None
    group: GroupRecord | None = None
    cells: set[CellRecord] = field(default_factory=set)
    wires: set[WireRecord] = field(default_factory=set)
    claims: int = 0
    gone: bool = False
    scheduling: Scheduling | None = None
    condemned: str = ""

    @property
    def stuck(self) -> bool:
        """Whether a service there did not stop in time: its process answers no more."""
        return self.spawned is not None and self.spawned.stuck


@dataclass(eq=False, slots=True)
class GroupRecord:
    """Hosts that services share. `ended`: the last of them has left."""

    name: str
    hosts: list[HostRecord]
    ended: bool = False

    def is_like(self, placement: Placement) -> bool:
        """Whether it has the size and kind that a placement asks for."""
        return self.hosts[0].kind == placement.spawner and len(self.hosts) == placement.count


@dataclass(eq=False, slots=True)
class ServiceRecord:
    """A service as it was added, and where its shards are now."""

    name: str
    cls: type[Service]
    parameters: tuple[tuple[Any, ...], dict[str, Any]]
    first: Service | None
    placement: Placement
    outlets: dict[str, str]
    bounds: Bounds
    restart: bool
    scheduling: Scheduling | None = None
    watchdog_s: float | None = None
    last_error: str = ""
    cells: list[CellRecord] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    kept: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False

    def keep(self, stats: dict[str, Any]) -> None:
        """Add up what a shard had counted before it was replaced."""
        for key in ("calls", "errors", "busy_s", "expired", "late"):
            self.kept[key] = self.kept.get(key, 0) + stats[key]


@dataclass(eq=False, slots=True)
class CellRecord:
    """One shard of a service and its host. The id stays when it moves."""

    id: int
    service: ServiceRecord
    shard: int
    host: HostRecord
    ports: dict[str, PortRecord] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class PortRecord:
    """A sender's view of a service: a client's (no owner) or a cell's outlet."""

    id: int
    target: str
    bounds: Bounds
    owner: CellRecord | None
    lines: list[LineRecord] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class LineRecord:
    """A port's channel to one shard; `wire` is None while it passes objects, or has no way."""

    id: int
    port: PortRecord
    cell: CellRecord
    wire: WireRecord | None = None


@dataclass(eq=False, slots=True)
class WireRecord:
    """A connection from one host's senders to another host, shared by their lines."""

    id: int
    source: HostRecord
    target: HostRecord
    kind: str
    path: str = ""


@dataclass(slots=True)
class Intensity:
    """At most `most` restarts in `window_s` seconds (Erlang/OTP's supervisor principle)."""

    most: int
    window_s: float
    times: deque[float] = field(default_factory=deque)

    def exceeded(self, now: float) -> bool:
        """Count one restart; whether it is one too many."""
        self.times.append(now)
        while self.times and self.times[0] < now - self.window_s:
            self.times.popleft()
        return len(self.times) > self.most
