"""The spawner interface: what a new spawner implements, and the registry of those that exist.

A spawner decides on which thread of execution a service's loop runs. It makes *hosts*: each has an agent, which carries
out what the tree decides (place, pause, take the state back, stop), and, where it is in this process, the host itself.
`ipc.conformance.check_spawner` puts one through the contract.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import placement
from ..host import Host


@dataclass(slots=True)
class Spawned:
    """What a spawner returns.

    `host` is the host in this process, or None where the agent stands for another process. `agent` is None for a host
    of this process: the tree's own agent serves it. Through its agent a service is woken, stopped, and its state taken
    back. `stuck` is set where a service did not stop in time: do not wait long for the host to end by itself.
    """

    host: Host | None = None
    agent: Any = None
    stuck: bool = False


class Spawner(ABC):
    """Makes hosts. All methods run on the tree's control loop, and may not block it."""

    name: str
    """The word in a placement."""
    channels: tuple[str, ...]
    """The legal channels, the fastest first."""
    elsewhere: bool = False
    """Whether its hosts are in other processes, which must be able to import a service's class."""

    @abstractmethod
    async def spawn(self, control: Host, number: int, name: str, on_event: Callable[..., None]) -> Spawned:
        """Start a host. `control` is the host of the tree's control loop; `on_event(event, …)` tells the tree what
        happens there.

        Raises why it did not start, having undone everything.
        """

    @abstractmethod
    async def stop(self, spawned: Spawned) -> None:
        """End a host that no service lives on, within a bound; nothing of it is left. Must not raise."""

    def abandon(self, spawned: Spawned) -> None:  # noqa: B027 - where a host ends by itself, nothing is to be done
        """At the interpreter's end, the control loop being closed: let the host end by itself. Must not raise."""


SPAWNERS: dict[str, Spawner] = {}
"""By name, those that have hosts of their own; `inline` and `coroutine` live on the tree's home host."""


def register_spawner(spawner: Spawner) -> None:
    """Make a spawner known by its name, so that placements can use it. Raises `ValueError` where the name is taken."""
    if SPAWNERS.get(spawner.name, spawner) is not spawner or (
        spawner.name in placement.LEGAL and placement.LEGAL[spawner.name] != spawner.channels
    ):
        raise ValueError(f"there is a spawner {spawner.name!r} already")
    SPAWNERS[spawner.name] = spawner
    placement.LEGAL[spawner.name] = spawner.channels


def unregister_spawner(name: str) -> None:
    """Forget a spawner that was registered."""
    SPAWNERS.pop(name, None)
    placement.LEGAL.pop(name, None)
