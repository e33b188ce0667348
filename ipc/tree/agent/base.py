"""What an agent has in its process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ...cell import Cell
from ...channels.port import Port
from ...channels.wire_client import WireClient
from ...channels.wire_server import WireServer

HostLike = Any


CLIENTS = 0
"""The number of the host that reads for clients and for blocking services: its loop always runs."""


class AgentBase:
    """Hosts, cells, ports and both ends of wires, by their numbers.

    `aside` makes a host in a thread of its own, for a blocking service that would else stop the loop that control and
    reading need; None where hosts are made by the tree.
    """

    def __init__(self, on_event: Callable[..., None], aside: Callable[[], HostLike] | None = None) -> None:
        self.on_event = on_event
        self.aside = aside
        self.hosts: dict[int, HostLike] = {}
        self.cells: dict[int, Cell] = {}
        self.ports: dict[int, Port] = {}
        self.dialled: dict[int, WireClient] = {}
        self.accepted: dict[int, WireServer] = {}


async def call_there(function: Callable[[], Any]) -> None:
    """A function, as a coroutine that a host can run."""
    function()


def resolve(future: asyncio.Future[None]) -> None:
    """Unless it is resolved already."""
    if not future.done():
        future.set_result(None)
