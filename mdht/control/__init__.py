"""What a running node and the programs of its user say to each other over the socket in its data directory. No I/O.

A frame is a length of four bytes, big endian, and a MessagePack list. The client numbers its requests and may send many
before the first is answered; each is answered once, in any order.

    request   [number, method, {argument: value}]
    reply     [number, 0, result]                   or [number, 1, [home, name, arguments]], an error

Arguments and results that a reader does not know are left alone, so old and new programs understand each other.

| file | what |
|---|---|
| `calls` | the methods and their arguments |
| `wire` | requests and replies as bytes |
| `failures` | an error as plain values, and back |
| `about` | what a node says of itself |
| `operation` | what an operator is told of its services |
| `limits` | bounds of the door |
"""

from __future__ import annotations

from .about import About
from .calls import (
    CALLS,
    KINDS,
    AboutCall,
    Call,
    ConfigCall,
    ConnectCall,
    DeleteCall,
    FetchCall,
    ForgetCall,
    GetAllCall,
    GetCall,
    MoveCall,
    PeersCall,
    ProbeCall,
    ProgressCall,
    PutCall,
    RefreshCall,
    ReloadCall,
    ServicesCall,
    ShareCall,
    SharesCall,
    StatsCall,
    StopCall,
    UnshareCall,
)
from .failures import Failure, plain_failure
from .operation import Moved, Probed, Reloaded, ServiceRow, Shown
from .wire import Reply, Request, pack_error, pack_reply, pack_request, read_call, read_reply, read_request

__all__ = [
    "About",
    "AboutCall",
    "CALLS",
    "Call",
    "ConfigCall",
    "ConnectCall",
    "DeleteCall",
    "Failure",
    "FetchCall",
    "ForgetCall",
    "GetAllCall",
    "GetCall",
    "KINDS",
    "MoveCall",
    "Moved",
    "PeersCall",
    "ProbeCall",
    "Probed",
    "ProgressCall",
    "PutCall",
    "RefreshCall",
    "ReloadCall",
    "Reloaded",
    "Reply",
    "Request",
    "ServiceRow",
    "ServicesCall",
    "ShareCall",
    "SharesCall",
    "Shown",
    "StatsCall",
    "StopCall",
    "UnshareCall",
    "pack_error",
    "pack_reply",
    "pack_request",
    "plain_failure",
    "read_call",
    "read_reply",
    "read_request",
]
