"""Several nodes in one process, each knowing the others: for tests, examples and measurements.

    with TestNet(8) as net:                     # TCP and TLS on the loopback, one thread a node
        net[0].put(b"hello")

    async with TestNet(8) as net:               # all on the running loop
        await net[0].aput(b"hello")

    async with TestNet(8, network=MemoryNetwork(seed=1, delay_s=0.02, loss=0.05)) as net: …

On a memory network, and a loop of virtual time, a run depends on the seed alone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Final

from ..config import Config
from ..model import Identity
from ..node import Node
from ..services import Surroundings
from ..transport import MemoryNetwork

_EPOCH_S: Final = 1_800_000_000.0
"""Wall clock of a memory network where the loop's clock is 0, seconds since 1970 UTC."""


class TestNet:
    """`count` nodes, entered in order, each connected to the first, and stopped in reverse order.

    `config` is what they have in common; it may not name a `data_dir`.
    """

    __test__ = False  # pytest

    def __init__(
        self, count: int, config: Config | None = None, *, network: MemoryNetwork | None = None, seed: int = 0
    ) -> None:
        self._config = Config() if config is None else config
        if self._config.data_dir:
            raise ValueError("data_dir: nodes of one test network cannot share one")
        self.network = network
        self._random = random.Random(seed)
        self.nodes: list[Node] = []
        self._count = count

    def make(self, number: int) -> Node:
        """One more node of this network, not entered; whoever makes it closes it."""
        if self.network is None:
            return Node(self._config)
        config, name = self._config, f"node{number}"
        if config.listen:
            config = replace(config, listen=(f"memory://{name}:7000",), advertise=())
        draw = random.Random(self._random.getrandbits(64)).randbytes
        around = Surroundings(networks=(self.network.host(name),), clock=_wall(), chance=draw, without_tls=True)
        return Node(config, identity=Identity.from_seed(draw(32)), around=around)

    # -- life ----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> TestNet:
        if self.network is not None:
            raise ValueError("a memory network lives on one loop: use `async with`")
        try:
            for number in range(self._count):
                node = self.make(number).start()
                self.nodes.append(node)
                if number:
                    node.connect(self.nodes[0].address)
                    node.refresh()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Stop all, the last one first."""
        for node in reversed(self.nodes):
            node.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> TestNet:
        try:
            for number in range(self._count):
                await self.aadd(self.make(number))
        except BaseException:
            await self.aclose()
            raise
        return self

    async def aadd(self, node: Node) -> Node:
        """Enter one more node, and connect it; it is stopped with the others."""
        await node.astart()
        self.nodes.append(node)
        if len(self.nodes) > 1:
            await node.aconnect(self.nodes[0].address)
            await node.arefresh()
        return node

    async def aclose(self) -> None:
        """`close`, awaited."""
        for node in reversed(self.nodes):
            await node.aclose()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- its nodes -----------------------------------------------------------------------------------------------------

    def __getitem__(self, number: int) -> Node:
        return self.nodes[number]

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)


def _wall() -> Callable[[], float]:
    loop = asyncio.get_running_loop()
    return lambda: _EPOCH_S + loop.time()
