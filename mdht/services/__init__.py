"""The services of a node: thin shells around the pure floors, which own sockets, disk and time.

| folder or file | what |
|---|---|
| `links/` | the only ones with sockets: TLS, handshake, messages, streams; in one place or several |
| `local` | answers what peers ask, beside the links |
| `store/` | keeps records, in one part or in several |
| `peers/` | whom we know and are linked to, and who may be |
| `api/` | what our own user asks: gets, puts, lookups |
| `files/` | shares and fetches files and folders; serves records by streams |
| `upkeep/` | keeps records alive while nodes come and go |
| `door/` | the socket at which other programs ask |
| `tree` | all of them in one supervisor, from a configuration |
| `operate`, `placement`, `apply`, `probing` | moves, live configuration and health of a running node |
| `commands`, `errors`, `roster` | what several say, what can go wrong between them, whom all of them know |
| `…/commands` | what one of them is told, and answers |
| `own`, `surroundings`, `clock` | the node's key; what it takes from outside; what time it is |
"""

from __future__ import annotations

from .api.commands import ApiStats, Got, PutDone
from .errors import NotLinked, TooBusy
from .links.commands import LinkStats
from .operate import Operator
from .peers.commands import PeerInfo, PeerStats
from .surroundings import Surroundings
from .tree import new_tree, plant

__all__ = [
    "ApiStats",
    "Got",
    "LinkStats",
    "NotLinked",
    "Operator",
    "PeerInfo",
    "PeerStats",
    "PutDone",
    "Surroundings",
    "TooBusy",
    "new_tree",
    "plant",
]
