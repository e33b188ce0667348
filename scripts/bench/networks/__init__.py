"""Networks of nodes: ours, and what people use today, each behind `base.Nodes`; spread over processes by `remote`."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field

from networks.base import Nodes


@dataclass(frozen=True)
class System:
    """One row of the tables: a subclass of `Nodes`, and what it is told. `rival`: whose cells it is compared with."""

    name: str
    module: str
    cls: str
    needs: str = ""
    options: dict[str, str] = field(default_factory=dict)
    against: str = ""
    """`content` or `owned`: with which of our records a peer is compared; ours have none."""

    @property
    def ours(self) -> bool:
        return not self.against

    @property
    def installed(self) -> bool:
        return not self.needs or importlib.util.find_spec(self.needs) is not None

    def make(self) -> Nodes:
        """The nodes of one process, not started."""
        made: Nodes = getattr(importlib.import_module(f"networks.{self.module}"), self.cls)(self.options)
        return made


def _ours(record: str, store: str) -> System:
    return System(f"mdht {record}, {store}", "ours", "Ours", options={"record": record, "store": store})


def _libtorrent(record: str, name: str, against: str) -> System:
    options = {"record": record}
    return System(f"libtorrent {name}", "libtorrent_sessions", "LibtorrentSessions", "libtorrent", options, against)


SYSTEMS = (
    _ours("content", "memory"),
    _libtorrent("immutable", "immutable", "content"),
    System("opendht", "opendht_runners", "OpendhtRunners", "opendht", against="content"),
    System("kademlia", "kademlia_servers", "KademliaServers", "kademlia", against="content"),
    _ours("owned", "memory"),
    _libtorrent("mutable", "mutable", "owned"),
    _libtorrent("mutable-first", "mutable, first find", "owned"),
    _ours("content", "lmdb"),
    _ours("owned", "lmdb"),
)


def system(name: str) -> System:
    """The one of that name. Raises StopIteration."""
    return next(one for one in SYSTEMS if one.name == name)
