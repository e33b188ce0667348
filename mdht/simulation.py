"""Days of a network's life in seconds: nodes come and go, and what was put has to be there.

    report = run(Life(nodes=24, days=2.0, seed=1))
    report.lost        # records that could not be found at the end of a period, each named

Everything is real but for the network and the clock: whole nodes on a `MemoryNetwork`, on a loop of virtual time. At
regular times a node leaves, every other time without a goodbye (its wires just carry nothing more), and a new one
joins by three of those that are there. Some nodes, the publishers, stay for good, so that their content has somebody
who renews it; owned records are put by anybody, also by those who leave. The same values give the same life.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from ipc.loops.virtual import VirtualLoop

from .config import Config
from .errors import MdhtError
from .model import Identity, Kind
from .node import Node
from .services import Surroundings
from .services.upkeep.commands import UpkeepNumbers, UpkeepStats
from .transport import MemoryNetwork

_EPOCH_S: Final = 1_800_000_000.0
"""The wall clock where the loop's is 0, seconds since 1970 UTC."""

_SEEDS: Final = 3
"""Nodes by which a new one joins."""

_READERS: Final = 2
"""Nodes that look for each record in a check."""

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Life:
    """What is to happen. Times are virtual."""

    nodes: int = 24
    days: float = 2.0
    seed: int = 1
    publishers: int = 4
    """Nodes that stay."""
    content: int = 40
    """Content records, put at the beginning by the publishers."""
    owned: int = 40
    """Owned records, put at the beginning by all nodes in turn."""
    churn_s: float = 3_600.0
    """Seconds between two departures; a new node joins for each, halfway to the next."""
    checks: int = 2
    """Times that everything is looked for, evenly spread, the last at the end."""
    delay_s: float = 0.02
    loss: float = 0.0
    retry_s: float = 60.0
    """Seconds after which what was lost, or is for a node that is cut off, is sent again."""
    keepalive_s: float = 1_800.0
    """Pings would be nearly all of the work."""
    config: Config = field(default_factory=Config)


@dataclass(slots=True)
class Report:
    """What happened."""

    nodes: int = 0
    """At the end."""
    joined: int = 0
    left: int = 0
    crashed: int = 0
    looked_for: int = 0
    lost: list[str] = field(default_factory=list)
    """What was not found: when, what, by whom, why."""
    replicas: float = 0.0
    """Of a record, on average, at the end."""
    upkeep: UpkeepStats = field(default_factory=UpkeepStats)
    """Of all nodes that live at the end."""
    messages: int = 0
    """Pieces that the network carried."""


@dataclass(frozen=True, slots=True)
class _Put:
    kind: Kind
    key: bytes
    owner: bytes
    value: bytes


class Simulation:
    """One life. `await live()` on a loop of virtual time."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.network = MemoryNetwork(life.seed, delay_s=life.delay_s, loss=life.loss, retry_s=life.retry_s)
        self.nodes: list[Node] = []
        self.report = Report()
        self._random = random.Random(life.seed)
        self._names: dict[bytes, str] = {}
        self._hosts: list[str] = []
        self._puts: list[_Put] = []

    async def live(self) -> Report:
        """From the first node to the last check. Raises what a put at the beginning raises."""
        try:
            for _ in range(self.life.nodes):
                await self.join()
            await asyncio.sleep(120)
            await self.put_all()
            span_s = self.life.days * _DAY_S / self.life.checks
            for _ in range(self.life.checks):
                await self.churn(span_s)
                await self.check()
            await self._sum_up()
        finally:
            for node in reversed(self.nodes):
                await node.aclose()
        return self.report

    async def join(self, around: Callable[[Surroundings], Surroundings] = lambda around: around) -> Node:
        """One more node, which joins by some that are there. `around` may change its surroundings."""
        name = f"node{len(self._hosts)}"
        self._hosts.append(name)
        draw = random.Random(self._random.getrandbits(64)).randbytes
        loop = asyncio.get_running_loop()
        surroundings = Surroundings(
            networks=(self.network.host(name),),
            clock=lambda: _EPOCH_S + loop.time(),
            chance=draw,
            without_tls=True,
            keepalive_s=self.life.keepalive_s,
        )
        seeds = self._random.sample(self.nodes, min(_SEEDS, len(self.nodes)))
        config = replace(
            self.life.config, listen=(f"memory://{name}:7000",), seeds=tuple(seed.address for seed in seeds)
        )
        node = Node(config, identity=Identity.from_seed(draw(32)), around=around(surroundings))
        self._names[node.id] = name
        await node.astart()
        self.nodes.append(node)
        self.report.joined += 1
        return node

    async def leave(self, node: Node, *, crash: bool = False) -> None:
        """A node goes; `crash`: nobody hears a word of it."""
        self.nodes.remove(node)
        if crash:
            name = self._names[node.id]
            for other in self._hosts:
                if other != name:
                    self.network.part(name, other)
        await node.aclose()
        self.report.left += not crash
        self.report.crashed += crash

    async def put_all(self) -> None:
        """What `life` says."""
        for number in range(self.life.content):
            node = self.nodes[number % self.life.publishers]
            value = b"content %d" % number
            done = await node.aput(value)
            self._puts.append(_Put(Kind.CONTENT, done.key, b"", value))
        for number in range(self.life.owned):
            node = self.nodes[number % len(self.nodes)]
            key, value = b"key %d" % number, b"owned %d" % number
            await node.aput(value, key=key)
            self._puts.append(_Put(Kind.OWNED, key, node.public, value))

    async def churn(self, span_s: float) -> None:
        """Departures and arrivals for so many seconds."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + span_s
        at = 0
        while loop.time() + self.life.churn_s <= until_s:
            await asyncio.sleep(self.life.churn_s / 2)
            gone = self._random.choice(self.nodes[self.life.publishers :])
            await self.leave(gone, crash=at % 2 == 1)
            await asyncio.sleep(self.life.churn_s / 2)
            await self.join()
            at += 1
        await asyncio.sleep(max(0.0, until_s - loop.time()))

    async def check(self) -> None:
        """Look for everything, each from some nodes."""
        now_s = asyncio.get_running_loop().time()
        for put in self._puts:
            for node in self._random.sample(self.nodes, min(_READERS, len(self.nodes))):
                self.report.looked_for += 1
                try:
                    got = await node.aget(put.key, kind=put.kind, owner=put.owner or None)
                    why = "" if got.value == put.value else f"another value: {got.value!r}"
                except MdhtError as error:
                    why = str(error)
                if why:
                    name = self._names[node.id]
                    self.report.lost.append(f"{now_s / 3600:.1f} h: {put.value.decode()} at {name}: {why}")

    async def _sum_up(self) -> None:
        report = self.report
        report.nodes = len(self.nodes)
        totals = dict.fromkeys(UpkeepStats.__dataclass_fields__, 0)
        records = 0
        for node in self.nodes:
            stats = await upkeep_of(node)
            for name in totals:
                totals[name] += getattr(stats, name)
            records += (await node.astats()).store.records
        report.upkeep = UpkeepStats(**totals)
        report.replicas = records / max(1, len(self._puts))
        report.messages = self.network.stats().delivered


async def upkeep_of(node: Node) -> UpkeepStats:
    """What a node has done to keep records alive. For who is on its loop."""
    assert node._tree is not None, "it is entered"
    client = await node._tree.aclient("upkeep")
    try:
        stats: UpkeepStats = await client.acall(UpkeepNumbers())
        return stats
    finally:
        await client.aclose()


def run(life: Life) -> Report:
    """Live it, on a loop of its own; blocks while it computes."""
    loop = VirtualLoop(life.seed)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(Simulation(life).live())
