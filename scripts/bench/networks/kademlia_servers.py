"""kademlia, in Python over UDP: no encryption, no signatures; k is set to the common number of replicas."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from networks.base import REPLICAS, End, Job, Nodes, Put
from networks.coroutines import drive


class KademliaServers(Nodes):
    notes = "UDP, in clear, nothing verified; replicas counted in the stores"

    async def start(self, count: int) -> list[tuple[int, str]]:
        from kademlia.network import Server

        self.prefix = f"{os.getpid()}-"
        self.servers: list[Any] = []
        here = []
        for _ in range(count):
            server = Server(ksize=REPLICAS)
            await server.listen(0, "127.0.0.1")
            self.servers.append(server)
            port = server.transport.get_extra_info("sockname")[1]
            here.append((server.node.long_id, f"127.0.0.1:{port}"))
        self.ports = [address for _, address in here]
        return here

    async def join(self, everybody: Sequence[str]) -> None:
        for _ in range(2):
            for address, server in zip(self.ports, self.servers, strict=True):
                seeds = [one for one in everybody[:3] if one != address]
                await server.bootstrap([(host, int(port)) for host, _, port in (s.partition(":") for s in seeds)])

    def target(self, key: object) -> int:
        from kademlia.utils import digest

        return int.from_bytes(digest(key), "big")

    async def run(self, jobs: Sequence[Job], in_flight: int, seconds: float) -> list[End]:
        return await drive(self._act, jobs, in_flight, seconds)

    async def _act(self, job: Job) -> End:
        server = self.servers[job.node]
        if isinstance(job, Put):
            key = f"{self.prefix}{job.number}"
            return End(job, 0.0, bool(await server.set(key, job.value)), key)
        return End(job, 0.0, await server.get(job.key) == job.value)

    def holders(self) -> dict[int, int] | None:
        counts: dict[int, int] = {}
        for server in self.servers:
            for digest in server.storage.data:
                point = int.from_bytes(digest, "big")
                counts[point] = counts.get(point, 0) + 1
        return counts

    async def stop(self) -> None:
        for server in getattr(self, "servers", []):
            server.stop()
