"""Whole nodes on a memory network in virtual time, with delay and loss: no socket, no thread, the same in every run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ipc.loops.virtual import run
from mdht.config import Config
from mdht.node import Node
from mdht.testnet import TestNet
from mdht.transport import MemoryNetwork

EPOCH_S = 1_800_000_000.0


def now() -> float:
    return asyncio.get_running_loop().time()


def wall() -> float:
    return EPOCH_S + now()


def inside(node: Node, name: str) -> Any:
    """The service itself."""
    return node._clients[name]._port.senders[0].cell.service  # type: ignore[union-attr]


def lossy(seed: int = 1) -> MemoryNetwork:
    return MemoryNetwork(seed, delay_s=0.02, jitter_s=0.01, loss=0.05)


def with_net(
    count: int, body: Callable[[TestNet], Awaitable[Any]], config: Config | None = None, network: Any = lossy
) -> Any:
    async def main() -> Any:
        async with TestNet(count, config, network=network()) as net:
            return await body(net)

    return run(main())
