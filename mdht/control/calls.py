"""The methods of a node's door, and their arguments. Types and lengths are checked while decoding.

`timeout_s` None is the node's own default. Kinds of records are written as words.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from ..limits import HASH_BYTES, NUMBER_MAX, PUBLIC_KEY_BYTES
from .limits import CONFIG_CHARS, TICKET_BYTES, TIMEOUT_MAX_S

KINDS: Final = {"content": 1, "owned": 2, "open": 3}
"""The numbers of `mdht.model.Kind`."""

Kind = Literal["content", "owned", "open"]
Timeout = Annotated[float, msgspec.Meta(gt=0, le=TIMEOUT_MAX_S)] | None
Sequence = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 20)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]
Owner = Annotated[bytes, msgspec.Meta(min_length=PUBLIC_KEY_BYTES, max_length=PUBLIC_KEY_BYTES)] | None
Hash = Annotated[bytes, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
Ticket = Annotated[bytes, msgspec.Meta(max_length=TICKET_BYTES)]


class AboutCall(msgspec.Struct, frozen=True):
    """Who the node is. Answered by `About`."""


class StopCall(msgspec.Struct, frozen=True):
    """End the node. Answered by its process id, before it ends."""


class PeersCall(msgspec.Struct, frozen=True):
    """Who is linked."""


class StatsCall(msgspec.Struct, frozen=True):
    """The node in numbers: one table a service."""


class ConnectCall(msgspec.Struct, frozen=True):
    """Link to a seed. Answered by the id of who is there."""

    seed: str
    timeout_s: Timeout = None


class RefreshCall(msgspec.Struct, frozen=True):
    """Look up the node's own id. Answered by how many answered."""

    timeout_s: Timeout = None


class PutCall(msgspec.Struct, frozen=True):
    """Put. Content has no key."""

    value: bytes
    key: bytes = b""
    kind: Kind = "content"
    sequence: Sequence = 0
    expect: Sequence | None = None
    keep_s: Seconds = 0
    replicas: Count = 0
    timeout_s: Timeout = None


class GetCall(msgspec.Struct, frozen=True):
    """Get. Of owned records without an owner: the node's own."""

    key: bytes
    kind: Kind = "content"
    owner: Owner = None
    timeout_s: Timeout = None


class GetAllCall(msgspec.Struct, frozen=True):
    """All owners' records of an open name."""

    key: bytes
    timeout_s: Timeout = None


class DeleteCall(msgspec.Struct, frozen=True):
    """Put a tombstone over the node's own record."""

    key: bytes
    kind: Kind = "owned"
    expect: Sequence | None = None
    timeout_s: Timeout = None


class ShareCall(msgspec.Struct, frozen=True):
    """Share the file or folder at an absolute path (as the file system has it: bytes)."""

    path: bytes
    ticket: Ticket
    replicas: Count = 0
    timeout_s: Timeout = None


class FetchCall(msgspec.Struct, frozen=True):
    """Fetch what was shared to an absolute path."""

    id: Hash
    path: bytes
    ticket: Ticket
    timeout_s: Timeout = None


class SharesCall(msgspec.Struct, frozen=True):
    """Which shares the node keeps alive."""


class UnshareCall(msgspec.Struct, frozen=True):
    """Keep that share alive no more. Answered by whether it was."""

    id: Hash


class ForgetCall(msgspec.Struct, frozen=True):
    """Put a record of the node's user again no more. Answered by whether it was."""

    key: bytes
    kind: Kind = "content"
    timeout_s: Timeout = None


class ProgressCall(msgspec.Struct, frozen=True):
    """How far the share or fetch with that ticket is."""

    ticket: Ticket


class ServicesCall(msgspec.Struct, frozen=True):
    """Where its services are, and how they do. Answered by a list of `ServiceRow`."""


class MoveCall(msgspec.Struct, frozen=True):
    """Move a service. Answered by `Moved`."""

    service: Annotated[str, msgspec.Meta(max_length=64)]
    placement: Annotated[str, msgspec.Meta(max_length=128)]
    timeout_s: Timeout = None


class ConfigCall(msgspec.Struct, frozen=True):
    """The configuration, without its secret. Answered by `Shown`."""

    live: bool = False
    """As it is now, rather than as it was at the start."""


class ReloadCall(msgspec.Struct, frozen=True):
    """Read the configuration again, and take over what a running node can. Answered by `Reloaded`."""

    toml: Annotated[str, msgspec.Meta(max_length=CONFIG_CHARS)] = ""
    """A configuration to take over instead of the one that the node reads itself."""


class ProbeCall(msgspec.Struct, frozen=True):
    """Do some real work, within that time. Answered by `Probed`."""

    timeout_s: Timeout = None


Call = (
    AboutCall
    | StopCall
    | PeersCall
    | StatsCall
    | ConnectCall
    | RefreshCall
    | PutCall
    | GetCall
    | GetAllCall
    | DeleteCall
    | ShareCall
    | FetchCall
    | SharesCall
    | UnshareCall
    | ForgetCall
    | ProgressCall
    | ServicesCall
    | MoveCall
    | ConfigCall
    | ReloadCall
    | ProbeCall
)

CALLS: Final[dict[str, type[Call]]] = {
    "about": AboutCall,
    "stop": StopCall,
    "peers": PeersCall,
    "stats": StatsCall,
    "connect": ConnectCall,
    "refresh": RefreshCall,
    "put": PutCall,
    "get": GetCall,
    "get_all": GetAllCall,
    "delete": DeleteCall,
    "share": ShareCall,
    "fetch": FetchCall,
    "shares": SharesCall,
    "unshare": UnshareCall,
    "forget": ForgetCall,
    "progress": ProgressCall,
    "services": ServicesCall,
    "move": MoveCall,
    "config": ConfigCall,
    "reload": ReloadCall,
    "probe": ProbeCall,
}
"""By the name of the method."""
