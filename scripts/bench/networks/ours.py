"""The node of this checkout: all of a process on one event loop, TCP and TLS between them, records verified."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from networks.base import OPERATION_S, REPLICAS, End, Get, Job, Nodes, Put
from networks.coroutines import drive


class Ours(Nodes):
    """Options: `record` is `content` or `owned`, `store` is `memory` or `lmdb`."""

    notes = "TCP, TLS 1.3, identities proven, every record verified"

    async def start(self, count: int) -> list[tuple[int, str]]:
        from mdht.config import Config
        from mdht.node import Node

        self.stack = AsyncExitStack()
        lmdb = self.options["store"] == "lmdb"
        base = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="mdht-bench-")) if lmdb else ""
        self.nodes: list[Node] = []
        for number in range(count):
            directory = str(Path(base, str(number))) if lmdb else ""
            config = Config(store=self.options["store"], data_dir=directory, replicas=REPLICAS, timeout_s=OPERATION_S)
            self.nodes.append(await self.stack.enter_async_context(Node(config)))
        return [(int.from_bytes(node.id, "big"), node.address) for node in self.nodes]

    async def join(self, everybody: Sequence[str]) -> None:
        for _ in range(2):
            for node in self.nodes:
                if node.address != everybody[0]:
                    await node.aconnect(everybody[0])
                    await node.arefresh()

    def target(self, key: object) -> int:
        from mdht.model import Kind, address_of

        name, owner = key  # type: ignore[misc]
        kind = Kind.OWNED if owner else Kind.CONTENT
        return int.from_bytes(address_of(kind, name, owner), "big")

    async def run(self, jobs: Sequence[Job], in_flight: int, seconds: float) -> list[End]:
        act = self._owned if self.options["record"] == "owned" else self._content
        return await drive(act, jobs, in_flight, seconds)

    async def _content(self, job: Job) -> End:
        if isinstance(job, Put):
            done = await self.nodes[job.node].aput(job.value)
            return End(job, 0.0, True, (done.key, b""), done.stored)
        got = await self.nodes[job.node].aget(job.key[0])  # type: ignore[index]
        return End(job, 0.0, got.value == job.value)

    async def _owned(self, job: Job) -> End:
        from mdht.model import Kind

        node = self.nodes[job.node]
        if isinstance(job, Put):
            key = b"%d" % job.number
            done = await node.aput(job.value, key=key)
            return End(job, 0.0, True, (key, node.public), done.stored)
        assert isinstance(job, Get)
        name, owner = job.key  # type: ignore[misc]
        got = await node.aget(name, kind=Kind.OWNED, owner=owner)
        return End(job, 0.0, got.value == job.value)

    async def stop(self) -> None:
        if stack := getattr(self, "stack", None):
            await stack.aclose()
