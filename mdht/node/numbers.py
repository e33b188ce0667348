"""A node in numbers: what each of its services counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ..services import ApiStats, LinkStats, PeerStats
from ..services.api.commands import ApiNumbers
from ..services.files.commands import FileStats, ServedNumbers
from ..services.links.commands import LinkNumbers
from ..services.peers.commands import PeerNumbers
from ..services.store.commands import StoreNumbers
from ..services.upkeep.commands import UpkeepNumbers, UpkeepStats
from ..store import StoreStats
from .asking import ASK_S, Asking, Request


@dataclass(frozen=True, slots=True)
class NodeStats:
    """A node in numbers."""

    api: ApiStats
    links: LinkStats
    peers: PeerStats
    store: StoreStats
    upkeep: UpkeepStats
    files: FileStats


_NUMBERS: Final[tuple[Request[Any], ...]] = (
    Request("api", ApiNumbers(), ASK_S),
    Request("peers", LinkNumbers(), ASK_S),
    Request("peers", PeerNumbers(), ASK_S),
    Request("api", StoreNumbers(), ASK_S),
    Request("upkeep", UpkeepNumbers(), ASK_S),
    Request("files", ServedNumbers(), ASK_S),
)
"""In the order of `NodeStats`."""


class NumberCalls(Asking):
    """Asks all services. Thread-safe."""

    def stats(self) -> NodeStats:
        """The node in numbers."""
        return NodeStats(*(self._call(request) for request in _NUMBERS))

    async def astats(self) -> NodeStats:
        """`stats`, awaited."""
        return NodeStats(*[await self._acall(request) for request in _NUMBERS])
