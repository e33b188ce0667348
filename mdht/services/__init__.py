"""The services of a node: thin shells around the pure floors, which own sockets, disk and time.

| file | what |
|---|---|
| `commands` | everything they say to each other |
| `links`, `link`, `translate` | listens, dials, carries questions and answers |
| `peers` | whom we know and are linked to |
| `local` | answers what peers ask |
| `store`, `store_parts` | keeps records, in one part or in several |
| `api`, `operation`, `search`, `putting` | what our own user asks |
| `streams`, `stream_commands` | the streams of all links, and what is said about them |
| `files`, `file_…` | shares and fetches files and folders; serves records by streams |
| `tree` | all of them in one supervisor, from a configuration |
| `operate`, `placement`, `apply`, `probing` | moves, live configuration and health of a running node |
| `leaving`, `patience`, `again` | what keeps requests alive while links and services move or die |
| `door`, `door_…` | the socket at which other programs ask |
| `surroundings`, `errors` | what a node takes from outside; what can go wrong between services |
"""

from __future__ import annotations

from .commands import ApiStats, Got, LinkStats, PeerInfo, PeerStats, PutDone
from .errors import NotLinked, TooBusy
from .operate import Operator
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
