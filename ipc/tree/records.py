"""What a tree knows of its services, hosts, ports, lines and wires. Plain data; read and written on the control loop
only.
"""

from __future__ import annotations

import asyncio
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
    def place(self) -> str:
        """What a process is called where its deaths are counted."""
        if self.group is not None:
            return f"process {self.agent.name.removeprefix('ipc-')!r} of group {self.group.name!r}"
        return f"process {self.agent.name.removeprefix('ipc-')!r}"

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
    last_hang: str = ""
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
    """One shard of a service and its host. The id stays when it moves. `told` is what it last said of itself."""

    id: int
    service: ServiceRecord
    shard: int
    host: HostRecord
    ports: dict[str, PortRecord] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What it is called where the deaths of services are counted."""
        one = len(self.service.cells) <= 1
        return f"service {self.service.name!r}" if one else f"shard {self.shard} of service {self.service.name!r}"


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
