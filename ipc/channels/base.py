"""The channel interface: what a new channel implements, and the registry of those that exist.

    none, deque, queue    objects, within a process: a sender puts them into the cell's inbox
    pipe, zmq, …          packed frames, over a *carrier*: a pair of ends made by the channel

Bounds, batches, replies and moves are built on top (`sender`, `receiver`, `wire`), the same for every channel.
`ipc.conformance.check_channel` puts one through the contract.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import placement
from .carrier import Carrier

if TYPE_CHECKING:
    from ..host import Host
    from .wire_server import WireServer


class Channel(ABC):
    """Makes the two ends of a wire."""

    name: str
    """The word in a placement."""
    descriptors = False
    """Whether an address is a descriptor, to be passed to the process that uses it."""

    @abstractmethod
    def link(self, run_dir: str, number: int) -> tuple[Any, Any, str]:
        """Addresses of a new wire: for the service's end, for the sender's end, and the path of a socket file or "".

        `run_dir` is a private directory where the ends are in two processes, else ""; `number` is the target host's.
        """

    @abstractmethod
    def dial(self, address: Any) -> Carrier:
        """The sender's end. Raises `OSError`."""

    @abstractmethod
    def accept(self, address: Any, host: Host) -> WireServer:
        """The service's end, reading, on the host's thread. Raises `OSError`."""


CHANNELS: dict[str, Channel] = {}
"""The channels that carry packed frames, by name."""


def register_channel(channel: Channel, spawners: Sequence[str] = ()) -> None:
    """Make a channel known by its name, legal for these spawners. In every process that uses it.

    Raises `ValueError` where the name is taken, or there is no such spawner.
    """
    if unknown := [spawner for spawner in spawners if spawner not in placement.LEGAL]:
        raise ValueError(f"no spawner {unknown[0]!r}; there are {', '.join(placement.LEGAL)}")
    if CHANNELS.get(channel.name, channel) is not channel or channel.name in ("none", "deque", "queue"):
        raise ValueError(f"there is a channel {channel.name!r} already")
    CHANNELS[channel.name] = channel
    for spawner in spawners:
        if channel.name not in placement.LEGAL[spawner]:
            placement.LEGAL[spawner] += (channel.name,)


def unregister_channel(name: str) -> None:
    """Forget a channel that was registered."""
    CHANNELS.pop(name, None)
    for spawner, channels in placement.LEGAL.items():
        placement.LEGAL[spawner] = tuple(channel for channel in channels if channel != name)
