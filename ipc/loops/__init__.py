"""Event loops: the one a host runs on, chosen by name, and one of virtual time for simulation and repeatable tests."""

from __future__ import annotations

from ipc.loops.choose import LOOPS, LoopMissing, UnknownLoop, is_virtual, new_loop
from ipc.loops.refused import NotVirtual
from ipc.loops.virtual import LoopMisused, VirtualDeadlock, VirtualLoop

__all__ = [
    "LOOPS",
    "LoopMissing",
    "LoopMisused",
    "NotVirtual",
    "UnknownLoop",
    "VirtualDeadlock",
    "VirtualLoop",
    "is_virtual",
    "new_loop",
]
