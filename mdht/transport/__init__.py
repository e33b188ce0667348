"""Bytes between nodes. `base` is the interface; `tcp` and `memory` (seeded, on any loop's clock) are what there is."""

from __future__ import annotations

from .base import Listening, Receiver, Transport, Wire
from .errors import CannotDial, CannotListen
from .memory import MemoryNetwork, MemoryStats, MemoryTransport
from .tcp import TcpTransport

__all__ = [
    "CannotDial",
    "CannotListen",
    "Listening",
    "MemoryNetwork",
    "MemoryStats",
    "MemoryTransport",
    "Receiver",
    "TcpTransport",
    "Transport",
    "Wire",
]
