"""Services that are written once, placed anywhere, and moved while they run.

    from ipc import Service, launch

    class Counter(Service):
        def start(self):
            self.total = 0
        def call(self, command):
            self.total += command
            return self.total

    with launch(Counter(), "process+pipe") as counter:
        counter.call(5)
        counter.move("inline")
        counter.call(1)     # 6

Read it in this order: `service` (the contract), `cell` (the one loop), `host` and `spawners` (where it runs),
`channels` (how it is reached), `tree` and `supervisor` (who is where, and how that changes).
"""

from .channels.bounds import Bounds
from .client import Client
from .errors import (
    BadFrame,
    Broken,
    CallError,
    CallTimeout,
    CannotSuspend,
    ChannelError,
    Closed,
    EndOfChannel,
    Full,
    Insecure,
    IpcError,
    MoveError,
    MoveTimeout,
    NotSendable,
    PlacementError,
    Reentrant,
    Refused,
    RemoteTraceback,
    ServiceDied,
    ServiceError,
    StartTimeout,
    TooManyRestarts,
    UnknownService,
    Unreachable,
    WouldDeadlock,
)
from .interned import Interned
from .launch import alaunch, launch
from .placement import Placement
from .refs import Copied, Shared
from .remote import Curve, Exposure, ExposureStats, RemoteClient, aconnect, connect
from .sendable import sendable
from .service import Answer, Point, Service, Shard, Token
from .spawners.process import preload
from .stats import ServiceStats
from .supervisor import Supervisor

__all__ = [
    "Answer",
    "BadFrame",
    "Bounds",
    "Broken",
    "CallError",
    "CallTimeout",
    "CannotSuspend",
    "ChannelError",
    "Client",
    "Closed",
    "Copied",
    "Curve",
    "EndOfChannel",
    "Exposure",
    "ExposureStats",
    "Full",
    "Insecure",
    "Interned",
    "IpcError",
    "MoveError",
    "MoveTimeout",
    "NotSendable",
    "Placement",
    "PlacementError",
    "Point",
    "Reentrant",
    "Refused",
    "RemoteClient",
    "RemoteTraceback",
    "Service",
    "Shard",
    "ServiceDied",
    "ServiceError",
    "ServiceStats",
    "Shared",
    "StartTimeout",
    "Supervisor",
    "Token",
    "TooManyRestarts",
    "UnknownService",
    "Unreachable",
    "WouldDeadlock",
    "aconnect",
    "alaunch",
    "connect",
    "launch",
    "preload",
    "sendable",
]
