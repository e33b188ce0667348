"""One node that serves gets over TLS links, with its links in 1, 2, 4 … processes: CPU a get, and each process's share.

    python scripts/bench/scaled_links.py [--places 1,2,4] [--makers 4] [--seconds 4] [--repeat 3] [--json FILE]

About 25 seconds for each number of places and repetition. The node has an LMDB store with 500 records of 256 bytes.
Load makers are processes with a node each, which asks over one link with 32 requests in flight and checks values. On a
machine with fewer cores than makers and places together they compete for them, so look at the CPU a get: where it does
not grow with the places, throughput grows with the cores. The last column is that model: how many gets a second so many
cores would serve if they had nothing else to do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from ipc.loops import new_loop
from mdht.config import Config, cpu_count
from mdht.model import Kind, address_of
from mdht.node import Node
from mdht.services.commands import Get, Have
from mdht.services.links.commands import Ask

RECORDS = 500
VALUE_BYTES = 256
IN_FLIGHT = 32


@dataclass(frozen=True)
class Measured:
    """One run."""

    places: int
    gets_a_second: float
    cpu_us: float
    """Of all the node's processes, for one get."""
    main_share: float
    """Of that, the process with the main loop."""
    shares: list[float]
    """Of that, each place, the busiest first."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--places", default="1,2,4", help="how many processes of links, each in its turn")
    parser.add_argument("--makers", type=int, default=4, help="processes that ask")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    places = [int(one) for one in options.places.split(",")]
    runs: dict[int, list[Measured]] = {count: [] for count in places}
    for _ in range(options.repeat):
        for count in places:
            runs[count].append(measure(count, options.makers, options.seconds))
    rows = [median(runs[count]) for count in places]
    print(f"{cpu_count()} CPUs, {options.makers} load makers with {IN_FLIGHT} in flight, median of {options.repeat}\n")
    print("places     gets/s   CPU µs a get   main loop   shares of the places        cores' worth of gets/s")
    for row in rows:
        shares = " ".join(f"{share:.0%}" for share in row.shares)
        model = row.places / row.cpu_us * 1e6
        print(
            f"{row.places:>6}  {row.gets_a_second:>9,.0f}  {row.cpu_us:>13.1f}  {row.main_share:>10.1%}"
            f"   {shares:<26}  {model:>9,.0f}"
        )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"cpus": cpu_count(), "rows": [asdict(row) for row in rows]}, file, indent=1)
    return 0


def median(runs: list[Measured]) -> Measured:
    """The run in the middle, by CPU a get."""
    return sorted(runs, key=lambda run: run.cpu_us)[len(runs) // 2]


def measure(places: int, makers: int, seconds: float) -> Measured:
    """One node, and its load."""
    spawn = multiprocessing.get_context("spawn")
    links = f"process:{places}@links"
    with tempfile.TemporaryDirectory() as directory:
        config = Config(data_dir=directory, store="lmdb", services={"links": links, "local": links})
        with Node(config) as node:
            keys = [node.put(os.urandom(VALUE_BYTES), replicas=1).key for _ in range(RECORDS)]
            processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
            ready, results = spawn.Semaphore(0), spawn.Queue()
            begin = spawn.Event()
            loads = [
                spawn.Process(target=make_load, args=(node.address, keys, seconds, ready, begin, results))
                for _ in range(makers)
            ]
            for load in loads:
                load.start()
            for _ in loads:
                if not ready.acquire(timeout=60):
                    raise TimeoutError("a load maker did not begin")
            before = {one.pid: cpu_s(one) for one in processes}
            begin.set()
            done = sum(results.get(timeout=seconds + 60) for _ in loads)
            used = {one.pid: cpu_s(one) - before[one.pid] for one in processes}
            for load in loads:
                load.join()
    total = sum(used.values())
    main_s = used.pop(os.getpid())
    shares = sorted((one / total for one in used.values()), reverse=True)[:places]
    return Measured(places, done / seconds, total / done * 1e6, main_s / total, shares)


def cpu_s(process: psutil.Process) -> float:
    """Seconds of CPU that a process has used, the kernel's for it included."""
    times = process.cpu_times()
    return float(times.user + times.system)


def make_load(address: str, keys: list[bytes], seconds: float, ready: Any, begin: Any, results: Any) -> None:
    """In a process of its own: gets over one link, as many as there is time for."""
    loop = new_loop()
    loop.run_until_complete(_load(address, keys, seconds, ready, begin, results))
    loop.close()


async def _load(address: str, keys: list[bytes], seconds: float, ready: Any, begin: Any, results: Any) -> None:
    loop = asyncio.get_running_loop()
    peer = bytes.fromhex(address.partition("@")[0])
    addresses = [address_of(Kind.CONTENT, key) for key in keys]
    async with Node(Config(listen=())) as node:
        await node.aconnect(address)
        links = node._clients["links"]
        began = asyncio.Event()
        threading.Thread(target=lambda: (begin.wait(), loop.call_soon_threadsafe(began.set)), daemon=True).start()
        ready.release()
        await began.wait()
        until_s, done = loop.time() + seconds, 0

        async def ask(first: int) -> None:
            nonlocal done
            at = first
            while loop.time() < until_s:
                reply = await links.acall(Ask(peer, Get(addresses[at % RECORDS]), 10.0))
                if not isinstance(reply, Have) or len(reply.record) != 1 + VALUE_BYTES:
                    raise ValueError(f"not what was put: {reply!r}")
                at += IN_FLIGHT
                done += 1

        await asyncio.gather(*[ask(number) for number in range(IN_FLIGHT)])
        results.put(done)


if __name__ == "__main__":
    sys.exit(main())
