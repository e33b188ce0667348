"""Files through the network: throughput, and how much memory it takes at each side above the idle node.

    python scripts/bench/files.py                       64 MiB and 2,000 small files, memory and LMDB stores
    python scripts/bench/files.py --size 1024 --store lmdb
    python scripts/bench/files.py --json files.json

Every node is a process of its own on the loopback, over TCP and TLS. The sharing and the fetching node keep no records
of others (they listen nowhere), so what they take is what sharing and fetching takes. *Peak* is the most memory of its
own that a process had at a time (RssAnon, looked at every 5 ms), less what it had before; pages of mapped files, such
as LMDB's, belong to the page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from machine import machine
from mdht.config import Config, Limits
from mdht.node import Node
from table import number, table

MIB = 1 << 20
ROOM = Limits(store_bytes=16 << 30, peer_bytes=16 << 30, subnet_bytes=16 << 30)


# -- a node's process --------------------------------------------------------------------------------------------------


class Peak(threading.Thread):
    """The most memory of its own that this process has at a time."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.before = self.most = own_bytes()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.005):
            self.most = max(self.most, own_bytes())

    def stop(self) -> int:
        self._over.set()
        self.join()
        return self.most - self.before


def own_bytes() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon"))


def serve(options: dict[str, Any]) -> None:
    """Does what it is told by lines of JSON."""
    listen = ("127.0.0.1:0",) if options["listen"] else ()
    config = Config(
        listen=listen, store=options["store"], data_dir=options["dir"], limits=ROOM, timeout_s=60.0, file_replicas=3
    )
    with Node(config) as node:
        answer({"address": node.address if listen else ""})
        since = Peak()
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            peak, before, cpu = Peak(), time.perf_counter(), time.process_time()
            peak.start()
            value: Any = None
            if name == "connect":
                node.connect(arguments[0])
                node.refresh()
            elif name == "share":
                shared = node.share(arguments[0])
                value = [shared.id.hex(), shared.replicas, shared.chunks, shared.files]
            elif name == "watch":
                since = Peak()
                since.start()
            elif name == "watched":
                value = since.stop()
            elif name == "fetch":
                value = node.fetch(bytes.fromhex(arguments[0]), arguments[1]).files
            took = time.perf_counter() - before
            answer({"took_s": took, "cpu_s": time.process_time() - cpu, "peak_bytes": peak.stop(), "value": value})


def answer(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


class Process:
    """A node, from outside."""

    def __init__(self, store: str, directory: Path, *, listen: bool) -> None:
        options = {"store": store, "dir": str(directory) if store == "lmdb" else "", "listen": listen}
        command = [sys.executable, __file__, "--node", json.dumps(options)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address: str = self._read()["address"]

    def do(self, *command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a node's process has ended; see above")
        return json.loads(line)  # type: ignore[no-any-return]


# -- the measurement ---------------------------------------------------------------------------------------------------


def make_file(path: Path, size_mib: int) -> None:
    with path.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(MIB))


def make_folder(path: Path, files: int) -> None:
    draw = random.Random(1)
    for one in range(files):
        place = path / f"{one % 50}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{one}.txt").write_bytes(draw.randbytes(draw.randrange(0, 8_000)))


def size_of(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def same(a: Path, b: Path) -> bool:
    return subprocess.run(["diff", "-rq", str(a), str(b)], stdout=subprocess.DEVNULL).returncode == 0


def measure(what: str, source: Path, store: str, nodes: int, top: Path) -> dict[str, Any]:
    """One share and one fetch of it, in a network of `nodes` that keep it."""
    here = Path(tempfile.mkdtemp(dir=top))
    keepers = [Process(store, here / f"keeper{one}", listen=True) for one in range(nodes)]
    sharer = Process("memory", here, listen=False)
    fetcher = Process("memory", here, listen=False)
    try:
        for one in [*keepers[1:], sharer, fetcher]:
            one.do("connect", keepers[0].address)
        for one in keepers:
            one.do("watch")
        share = sharer.do("share", str(source))
        id, replicas, chunks, files = share["value"]
        fetch = fetcher.do("fetch", id, str(here / "out"))
        kept = [one.do("watched")["value"] for one in keepers]
        if not same(source, here / "out"):
            raise SystemExit(f"{what}: what was fetched is not what was shared")
    finally:
        for one in [sharer, fetcher, *keepers]:
            one.close()
        shutil.rmtree(here)
    size = size_of(source)
    return {
        "what": what,
        "store": store,
        "nodes": nodes,
        "bytes": size,
        "files": files,
        "chunks": chunks,
        "replicas": replicas,
        "share_mib_s": size / MIB / share["took_s"],
        "fetch_mib_s": size / MIB / fetch["took_s"],
        "share_cpu_s": share["cpu_s"],
        "fetch_cpu_s": fetch["cpu_s"],
        "share_peak_mib": share["peak_bytes"] / MIB,
        "fetch_peak_mib": fetch["peak_bytes"] / MIB,
        "keep_peak_mib": max(kept) / MIB,
    }


def shown(results: list[dict[str, Any]]) -> str:
    header = [
        "what",
        "store",
        "files",
        "replicas",
        "share MiB/s",
        "fetch MiB/s",
        "peak sharing MiB",
        "peak fetching MiB",
        "peak keeping MiB",
    ]
    keys = ["share_mib_s", "fetch_mib_s", "share_peak_mib", "fetch_peak_mib", "keep_peak_mib"]
    rows = [
        [one["what"], one["store"], f"{one['files']:,}", str(one["replicas"]), *(number(one[key]) for key in keys)]
        for one in results
    ]
    return table(header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64, metavar="MIB", help="of the large file (default 64)")
    parser.add_argument("--files", type=int, default=2_000, help="small files in the folder; 0: no folder")
    parser.add_argument("--nodes", type=int, default=3, help="nodes that keep it (default 3)")
    parser.add_argument("--store", choices=("memory", "lmdb"), help="only this one; default: both")
    parser.add_argument("--dir", default=None, help="where files are made; default: the temporary directory")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there, too")
    parser.add_argument("--node", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.node:
        serve(json.loads(options.node))
        return
    top = Path(tempfile.mkdtemp(dir=options.dir))
    results: list[dict[str, Any]] = []
    try:
        make_file(top / "large", options.size)
        make_folder(top / "small", options.files)
        for store in [options.store] if options.store else ["memory", "lmdb"]:
            results.append(measure(f"{options.size:,} MiB", top / "large", store, options.nodes, top))
            if options.files:
                results.append(measure(f"{options.files:,} files", top / "small", store, options.nodes, top))
    finally:
        shutil.rmtree(top)
    print(shown(results))
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": machine(), "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
