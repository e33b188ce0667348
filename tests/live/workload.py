"""A small network under load, around one node whose services are moved and killed: what was put, and what failed."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from mdht.config import Config
from mdht.model import Kind
from mdht.node import Node

APART: dict[str, str] = {
    "links": "process:2@links",
    "local": "process:2@links",
    "store": "process",
    "published": "process@background",
    "upkeep": "process@background",
    "api": "process",
    "files": "process",
}
"""Every service that may be in a process of its own."""

TIMEOUT_S = 20.0


@dataclass
class Counts:
    """What the load has done so far. `failed`: each as (what, error)."""

    puts: int = 0
    gets: int = 0
    slowest_get_s: float = 0.0
    slowest_put_s: float = 0.0
    failed_puts: Counter[str] = field(default_factory=Counter)
    failed_gets: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class Workload:
    """`with Workload(path, services) as load`: puts and gets run until its end; `load.node` is the one to torment.

    Its records are in LMDB. One peer keeps records, too, in memory; two only ask. Content has one replica, so every
    other get needs this node; owned records have two.
    """

    def __init__(self, path: Path, services: dict[str, str], *, seed: int = 1, pause_s: float = 0.0) -> None:
        usual = Config(replicas=2, reads=2)
        self.node = Node(replace(usual, data_dir=str(path), store="lmdb", services=services))
        self.peers = [Node(replace(usual, listen=())), Node(replace(usual, listen=())), Node(usual)]
        self.counts = Counts()
        self.kept: list[tuple[bytes, bytes]] = []
        self.owned: dict[tuple[bytes, bytes], bytes] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pause_s = pause_s
        self._dice = random.Random(seed)
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        started = [self.node, *self.peers]
        for node in started:
            node.start()
        for peer in self.peers:
            peer.connect(self.node.address)
            if peer is not self.peers[2]:
                peer.connect(self.peers[2].address)
        for number, node in enumerate([self.node, *self.peers[:2]]):
            seed = self._dice.getrandbits(32)
            thread = threading.Thread(target=self._run, args=(node, number, seed), name=f"load-{number}")
            self._threads.append(thread)
            thread.start()
        return self

    def stop(self) -> None:
        """End the load, and wait for the last answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads), "a request hangs"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        for node in [*self.peers, self.node]:
            node.close()

    # -- the load ------------------------------------------------------------------------------------------------------

    def _run(self, node: Node, asker: int, seed: int) -> None:
        dice, number = random.Random(seed), 0
        while not self._stop.wait(self._pause_s) if self._pause_s else not self._stop.is_set():
            number += 1
            self._put(node, b"%d %d " % (asker, number) + dice.randbytes(40))
            if number % 5 == 0:
                self._put_owned(node, b"key %d" % dice.randrange(20), b"%d" % number)
            for _ in range(4):
                self._get(node, dice)

    def _put(self, node: Node, value: bytes) -> None:
        done = self._timed_put(lambda: node.put(value, replicas=1, timeout=TIMEOUT_S))
        if done is not None:
            self.kept.append((done.key, value))

    def _put_owned(self, node: Node, key: bytes, value: bytes) -> None:
        done = self._timed_put(lambda: node.put(value, key=key, timeout=TIMEOUT_S))
        if done is not None:
            with self._lock:
                self.owned[node.public, key] = value
        else:
            with self._lock:
                self.owned.pop((node.public, key), None)  # whether it is there nobody knows

    def _timed_put(self, put: Any) -> Any:
        began_s = time.monotonic()
        try:
            done = put()
        except Exception as error:
            with self._lock:
                self.counts.failed_puts[f"{type(error).__name__}: {error}"[:120]] += 1
            return None
        finally:
            self.counts.slowest_put_s = max(self.counts.slowest_put_s, time.monotonic() - began_s)
        self.counts.puts += 1
        return done

    def _get(self, node: Node, dice: random.Random) -> None:
        if not self.kept:
            return
        key, value = dice.choice(self.kept)
        began_s = time.monotonic()
        try:
            assert node.get(key, timeout=TIMEOUT_S).value == value
        except Exception as error:
            with self._lock:
                who = "node" if node is self.node else "peer"
                self.counts.failed_gets.append(f"{who}: {type(error).__name__}: {error}")
        else:
            self.counts.gets += 1
        self.counts.slowest_get_s = max(self.counts.slowest_get_s, time.monotonic() - began_s)

    # -- the end -------------------------------------------------------------------------------------------------------

    def look_for_all(self) -> None:
        """Everything that was acknowledged, from the node and from a peer; what is missing is in `counts.lost`."""
        for asker in (self.node, self.peers[0]):
            for first in range(0, len(self.kept), 256):
                part = self.kept[first : first + 256]
                asked = [(key, value, asker.get_future(key, timeout=TIMEOUT_S)) for key, value in part]
                for key, value, future in asked:
                    try:
                        if future.result(60).value != value:
                            self.counts.lost.append(f"{key.hex()}: another value")
                    except Exception as error:
                        self.counts.lost.append(f"{key.hex()}: {error}")
        for (owner, name), value in self.owned.items():
            try:
                got = self.peers[0].get(name, kind=Kind.OWNED, owner=owner, timeout=TIMEOUT_S).value
            except Exception as error:
                self.counts.lost.append(f"{name!r}: {error}")
            else:
                if got != value:
                    self.counts.lost.append(f"{name!r}: {got!r} instead of {value!r}")


def processes(node: Node) -> dict[str, tuple[int, ...]]:
    """The processes of each service that has some of its own."""
    own = os.getpid()
    return {row.name: row.pids for row in node.services() if row.pids and own not in row.pids}


def kill(pid: int) -> None:
    """SIGKILL, and wait until it is gone."""
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    process.wait(10)
