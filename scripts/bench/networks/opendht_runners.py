"""OpenDHT, in C++ over UDP: plain values, in clear and unsigned; each runner has a thread of its own."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Hashable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from networks.base import End, Get, Job, Nodes, Put
from networks.callbacks import Said, drive

SETTLE_S = 2.0


class OpendhtRunners(Nodes):
    notes = "UDP, in clear, plain values, nothing verified; rate limits lifted; a node's second get of a key is cheaper"

    async def start(self, count: int) -> list[tuple[int, str]]:
        import opendht

        self.opendht = opendht
        self.ended: SimpleQueue[Said] = SimpleQueue()
        self.begun = 0
        self.prefix = f"{os.getpid()}-"
        self.runners: list[Any] = []
        here = []
        for _ in range(count):
            config = opendht.DhtConfig()
            config.setRateLimit(-1, -1)
            runner = opendht.DhtRunner()
            runner.run(port=0, ipv4="127.0.0.1", config=config)
            self.runners.append(runner)
            here.append((int(str(runner.getNodeId()), 16), f"127.0.0.1:{runner.getBound().getPort()}"))
        return here

    async def join(self, everybody: Sequence[str]) -> None:
        for runner in self.runners:
            own = runner.getBound().getPort()
            for address in everybody:
                host, _, port = address.partition(":")
                if int(port) != own:
                    runner.bootstrap(host, port)
        await asyncio.sleep(SETTLE_S)

    def target(self, key: object) -> int:
        assert isinstance(key, str)
        return int.from_bytes(hashlib.sha1(key.encode()).digest(), "big")

    async def run(self, jobs: Sequence[Job], in_flight: int, seconds: float) -> list[End]:
        return drive(self._begin, self._wait, jobs, in_flight, seconds)

    def _begin(self, job: Job) -> Hashable:
        self.begun += 1
        token, tell, runner = self.begun, self.ended.put, self.runners[job.node]
        if isinstance(job, Put):
            key = f"{self.prefix}{job.number}"

            def done(good: bool, _nodes: Any) -> None:  # the nodes of the search, not those that store
                tell(Said(token, good, key))

            runner.put(self.opendht.InfoHash.get(key), self.opendht.Value(job.value), done_cb=done)
            return token
        assert isinstance(job, Get)

        def found(value: Any) -> bool:
            tell(Said(token, True, value=value.data))
            return False

        def ended(_good: bool, _nodes: Any) -> None:
            tell(Said(token, False, error="not found"))  # after a find, this one is passed over

        runner.get(self.opendht.InfoHash.get(job.key), get_cb=found, done_cb=ended)
        return token

    def _wait(self, seconds: float) -> list[Said]:
        try:
            return [self.ended.get(timeout=seconds)]
        except Empty:
            return []

    def holders(self) -> dict[int, int] | None:
        counts: dict[int, int] = {}
        for runner in self.runners:
            for line in runner.getStorageLog().splitlines():
                if line.startswith("Storage "):
                    point = int(line.split()[1], 16)
                    counts[point] = counts.get(point, 0) + 1
        return counts

    async def stop(self) -> None:
        """The process's end is theirs: `shutdown` and `join` may each wait for half a minute."""
