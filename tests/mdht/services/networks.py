"""Small networks in virtual time for tests of single services."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from ipc.loops.virtual import run
from mdht.config import Config
from mdht.node import Node
from mdht.services import Surroundings
from mdht.simulation import Life, Simulation

HOUR_S = 3_600.0

QUIET = Life(nodes=0, keepalive_s=7_200.0, retry_s=5.0)


def inside(node: Node, name: str) -> Any:
    """The service itself."""
    return node._clients[name]._port.senders[0].cell.service  # type: ignore[union-attr]


async def service(node: Node, name: str) -> Any:
    """The service itself, of those that a node has no client for."""
    assert node._tree is not None
    client = await node._tree.aclient(name)
    try:
        return client._port.senders[0].cell.service  # type: ignore[union-attr]
    finally:
        await client.aclose()


def with_network(
    count: int, body: Callable[[Simulation], Awaitable[Any]], life: Life = QUIET, config: Config | None = None
) -> Any:
    """Run it with so many nodes that know each other."""

    async def main() -> Any:
        net = Simulation(life if config is None else replace(life, config=config))
        try:
            for _ in range(count):
                await net.join()
            await asyncio.sleep(120)
            return await body(net)
        finally:
            for node in reversed(net.nodes):
                await node.aclose()

    return run(main(), seed=life.seed)


def ahead(seconds: float) -> Callable[[Surroundings], Surroundings]:
    """Surroundings whose clock is wrong."""

    def change(around: Surroundings) -> Surroundings:
        clock = around.clock
        assert clock is not None
        return replace(around, clock=lambda: clock() + seconds)

    return change
