"""What a client of the door asks, as commands for the services that know."""

from __future__ import annotations

import os
from typing import Any, Final

from ...control import (
    KINDS,
    About,
    Call,
    ConnectCall,
    DeleteCall,
    FetchCall,
    ForgetCall,
    GetAllCall,
    GetCall,
    PeersCall,
    ProgressCall,
    PutCall,
    RefreshCall,
    ShareCall,
    SharesCall,
    UnshareCall,
)
from ...errors import NotARequest
from ..api.commands import ApiNumbers, DoConnect, DoForget, DoGet, DoGetAll, DoPut, DoRefresh
from ..files.commands import DoFetch, DoShare, FileNumbers, ServedNumbers, SharesWanted, Unshare
from ..links.commands import LinkNumbers
from ..peers.commands import LinkedPeers, PeerNumbers
from ..store.commands import StoreNumbers
from ..upkeep.commands import UpkeepNumbers

NUMBERS: Final = {
    "api": ("api", ApiNumbers()),
    "links": ("peers", LinkNumbers()),
    "peers": ("peers", PeerNumbers()),
    "store": ("api", StoreNumbers()),
    "upkeep": ("upkeep", UpkeepNumbers()),
    "files": ("files", ServedNumbers()),
}
"""For each table of `stats`, the outlet and the command."""


def command_of(call: Call, about: About, client: bytes) -> tuple[str, Any]:
    """The outlet that a call goes to, and the command. Raises NotARequest.

    `about` is the node's. `client` goes before its tickets, so that two clients may have chosen the same.
    """
    match call:
        case PeersCall():
            return "peers", LinkedPeers()
        case ProgressCall(ticket):
            return "files", FileNumbers(client + ticket)
        case SharesCall():
            return "files", SharesWanted()
        case UnshareCall(address):
            return "files", Unshare(address)
    wait_s = getattr(call, "timeout_s", None) or about.timeout_s
    match call:
        case GetCall(key, kind, owner):
            whose = (about.public if owner is None else owner) if kind == "owned" else b""
            return "api", DoGet(KINDS[kind], key, whose, wait_s)
        case PutCall(value, key, kind, sequence, expect, keep_s, replicas):
            if (kind == "content") != (key == b""):
                raise NotARequest("put", "content has no key but its hash, and the other kinds have one")
            return "api", DoPut(KINDS[kind], key, value, wait_s, sequence, expect, keep_s, replicas)
        case DeleteCall(key, kind, expect):
            return "api", DoPut(KINDS[kind], key, None, wait_s, 0, expect, 0, 0)
        case ForgetCall(key, kind):
            return "api", DoForget(KINDS[kind], key, wait_s)
        case GetAllCall(key):
            return "api", DoGetAll(key, wait_s)
        case ConnectCall(seed):
            return "api", DoConnect(seed, wait_s)
        case RefreshCall():
            return "api", DoRefresh(about.id, wait_s)
        case ShareCall(path, ticket, replicas):
            return "files", DoShare(_absolute("share", path), client + ticket, replicas, wait_s)
        case FetchCall(address, path, ticket):
            return "files", DoFetch(address, _absolute("fetch", path), client + ticket, wait_s)
    raise NotARequest(type(call).__name__, "no service answers it")


def _absolute(method: str, path: bytes) -> bytes:
    """Relative to the client's directory it would be another file here."""
    if not os.path.isabs(path):
        raise NotARequest(method, "the path must be absolute")
    return path
