"""What is measured: the nodes of one system in one process, put to and got from by that process.

A system subclasses `Nodes`. Its operations begin at one node and end with an `End`; how several are kept in flight is
the system's own affair, since what is fastest differs: coroutines, alerts on a descriptor, callbacks from threads.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

REPLICAS = 8
"""Nodes that each system is asked to store a value at: libtorrent's k, and the node's default."""

VALUE_BYTES = 256

OPERATION_S = 10.0
"""Seconds that one operation may take where the system lets that be chosen."""

STALL_S = 30.0
"""Seconds without any end after which what is in flight counts as lost: libtorrent waits 15 s for a silent node."""


def value_of(seed: str, number: int, size: int = VALUE_BYTES) -> bytes:
    """The value with that number: the same in every process that is told the seed."""
    return hashlib.shake_128(f"{seed}/{number}".encode()).digest(size)


@dataclass(slots=True)
class Put:
    """A value to store, begun at node `node` of this process."""

    number: int
    node: int
    value: bytes


@dataclass(slots=True)
class Get:
    """A value to find, begun at node `node` of this process; `key` is what the put's `End` gave."""

    number: int
    node: int
    key: object
    value: bytes


Job = Put | Get


@dataclass(slots=True)
class End:
    """What became of a job. `good`: the put was acknowledged; the get brought just the value that was put."""

    job: Job
    seconds: float
    good: bool
    key: object = None
    replicas: int | None = None
    """Nodes that hold what was put, where the system says so."""
    error: str = ""
    at: float = 0.0
    """When it ended, by `perf_counter`."""


class Nodes(ABC):
    """Nodes of one system in this process. All coroutines run on the process's loop."""

    notes: ClassVar[str] = ""
    """What a reader of the table must know."""

    def __init__(self, options: dict[str, str]) -> None:
        self.options = options

    @abstractmethod
    async def start(self, count: int) -> list[tuple[int, str]]:
        """Bring up `count` nodes on the loopback; the id and the address of each."""

    @abstractmethod
    async def join(self, everybody: Sequence[str]) -> None:
        """Make the nodes of all processes, at these addresses, known to those of this one."""

    @abstractmethod
    def target(self, key: object) -> int:
        """The point of the key in the space of ids: the nodes closest by XOR hold it."""

    @abstractmethod
    async def run(self, jobs: Sequence[Job], in_flight: int, seconds: float) -> list[End]:
        """Do jobs in order, `in_flight` at a time, and begin none after `seconds`; the ends of all that were begun."""

    @abstractmethod
    async def stop(self) -> None:
        """End the nodes. Also called when `start` failed half-way."""

    def holders(self) -> dict[int, int] | None:
        """How many nodes of this process hold each number, where the system can be looked into."""
        return None
