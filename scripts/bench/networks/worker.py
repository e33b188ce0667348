"""One process of a network: holds some nodes, and does what it is told over a socket, a line of JSON each way.

    python worker.py DESCRIPTOR SYSTEM

It ends when told to, or when the socket does.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import socket
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

HERE = Path(__file__).resolve()
sys.path[0:1] = [str(HERE.parents[1]), str(HERE.parents[3])]

from networks import system  # noqa: E402
from networks.base import End, Job, Nodes, Put  # noqa: E402
from networks.jobs import Stored, askers, gets, puts  # noqa: E402

STOP_S = 20.0
LINE_BYTES = 16 << 20


class Worker:
    """The commands: each is a method, its arguments are the line's."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.own: list[int] = []
        self.everybody: list[int] = []
        self.stored: list[Stored] = []
        self.jobs: list[Job] = []
        self.ends: list[End] = []
        self.next_number = 0
        self.seed = os.urandom(8).hex()
        self.draw = random.Random(self.seed)

    async def start(self, count: int) -> list[tuple[str, str]]:
        here = await self.nodes.start(count)
        self.own = [point for point, _ in here]
        return [(hex(point), address) for point, address in here]

    async def join(self, ids: list[str], addresses: list[str]) -> None:
        self.everybody = [int(one, 16) for one in ids]
        await self.nodes.join(addresses)

    async def prepare_puts(self, count: int) -> int:
        self.jobs = list(puts(self.seed, self.next_number, count, len(self.own)))
        return len(self.jobs)

    async def collect(self) -> None:
        """Collect garbage, before a run rather than in it."""
        gc.collect()

    async def prepare_gets(self, count: int, again: bool = True) -> int:
        self.jobs = list(gets(self.stored, count, self.draw, again))
        return len(self.jobs)

    async def run(self, in_flight: int, seconds: float) -> None:
        """Do what was prepared. Nothing else, since CPU time is read before and after it."""
        self.begun, self.seconds = perf_counter(), seconds
        self.ends = await self.nodes.run(self.jobs, in_flight, seconds)
        self.ended = perf_counter()

    async def results(self) -> dict[str, Any]:
        """How the last run went; what it put is remembered."""
        ends, self.ends, self.jobs = self.ends, [], []
        self.keep(ends)
        wall = self.ended - self.begun
        return {**summary(ends, wall), **in_time(ends, self.begun, min(wall, self.seconds))}

    def keep(self, ends: list[End]) -> None:
        """Remember what was put and acknowledged."""
        for end in ends:
            if not isinstance(end.job, Put):
                continue
            self.next_number = max(self.next_number, end.job.number + 1)
            if end.good:
                where = askers(self.nodes.target(end.key), self.own, self.everybody, end.job.node)
                self.stored.append(Stored(end.job.number, end.key, end.job.value, where))

    async def forget(self) -> None:
        """Get no more of what was put so far."""
        self.stored = []

    async def holders(self) -> dict[str, int] | None:
        counts = self.nodes.holders()
        return None if counts is None else {hex(point): count for point, count in counts.items()}

    async def targets(self) -> list[str]:
        """Where what was put and acknowledged belongs."""
        return [hex(self.nodes.target(one.key)) for one in self.stored]

    async def stop(self) -> None:
        await asyncio.wait_for(self.nodes.stop(), STOP_S)


def summary(ends: list[End], wall: float) -> dict[str, Any]:
    """In numbers; latencies, in µs, of what went well, and the longest that anything took."""
    replicas = Counter(end.replicas for end in ends if end.good and end.replicas is not None)
    return {
        "count": len(ends),
        "wall_s": wall,
        "good_us": [round(end.seconds * 1e6) for end in ends if end.good],
        "worst_s": max((end.seconds for end in ends), default=0.0),
        "replicas": list(replicas.items()),
        "errors": Counter(end.error or "not what was put" for end in ends if not end.good).most_common(3),
    }


def in_time(ends: list[End], begun: float, window: float) -> dict[str, Any]:
    """How many ended within the time: what is only waited for afterwards does not spoil the rate."""
    return {"window_s": window, "in_time": sum(end.at - begun <= window for end in ends)}


async def serve(descriptor: int, name: str) -> None:
    worker = Worker(system(name).make())
    link = socket.socket(fileno=descriptor)
    link.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=link, limit=LINE_BYTES)
    try:
        while line := await reader.readline():
            command, arguments = json.loads(line)
            try:
                said = {"value": await getattr(worker, command)(**arguments)}
            except Exception as error:
                said = {"error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(said).encode() + b"\n")
            await writer.drain()
            if command == "stop":
                return
    except ConnectionError:
        pass  # whoever started this process is gone, and nobody is left to tell
    finally:
        writer.close()


def main() -> None:
    from ipc.loops import new_loop

    logging.getLogger("kademlia").setLevel(logging.CRITICAL)  # it tells of every lost packet
    logging.getLogger("rpcudp").setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve(int(sys.argv[1]), sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)  # threads of the libraries would be waited for


if __name__ == "__main__":
    main()
