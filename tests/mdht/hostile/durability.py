"""Kills a node while it is given records, starts it again, and looks for everything that was acknowledged.

A client node that keeps nothing itself puts over a real link, 64 at a time, content and versions of owned records, and
deletes some. The node's process is killed at a random moment: mostly among the puts, sometimes while it starts or while
it stops. What was acknowledged must be there; what was not may be, and is counted.

A SIGKILL shows that no acknowledgement comes before its commit, and that the file is usable whenever it was left. It
does not show a loss of power, as the kernel keeps what was written: that commits are synced is checked with the store.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mdht.config import Config
from mdht.errors import MdhtError, NotDone, NotFound, Superseded
from mdht.model import Kind, content_key
from mdht.node import Node
from mdht.services import Got, PutDone

from .process import NodeProcess

IN_FLIGHT: Final = 64
PUT_S: Final = 0.25
"""Seconds within which the kill comes."""
KEYS: Final = 20
"""Owned keys of a round: each gets several versions."""
OLD: Final = 100
"""Records of earlier rounds that are looked for after each kill; all of them at the end."""


@dataclass(frozen=True)
class Acknowledged:
    """What must be there: content where `owner` is empty, else that sequence or a higher one; None: it was deleted."""

    key: bytes
    value: bytes | None
    owner: bytes = b""
    sequence: int = 0


@dataclass
class Counts:
    """Totals."""

    kills: int = 0
    starting: int = 0
    """Kills before the node listened."""
    stopping: int = 0
    """Kills while it stopped."""
    acknowledged: int = 0
    failed: int = 0
    """Puts that were in flight at a kill, and ended with an error."""
    checked: int = 0
    unsaid: int = 0
    """Of those that failed, how many were stored all the same."""
    lost: list[str] = field(default_factory=list)
    slowest_error_s: float = 0.0
    """Longest wait from a kill to the last answer or error of what was in flight."""


class Torture:
    """Rounds of kills over one data directory. `seed` decides the moments and the values."""

    def __init__(self, directory: Path, seed: int = 1) -> None:
        self.counts = Counts()
        self._toml = f'data_dir = "{directory}"\nstore = "lmdb"\nreplicas = 1\nreads = 1\n'
        self._draw = random.Random(seed)
        self._held: dict[tuple[bytes, bytes], Acknowledged] = {}
        self._fresh: list[tuple[bytes, bytes]] = []
        self._maybe: list[bytes] = []
        self._deletable: list[bytes] = []
        self._number = 0

    def kill(self) -> None:
        """One round: start, look for what was acknowledged, put, kill."""
        chance = self._draw.random()
        if chance < 0.1:
            with NodeProcess(self._toml) as process:
                time.sleep(self._draw.uniform(0.0, 0.6))  # anywhere in its start
                process.kill()
            self.counts.starting += 1
        else:
            with NodeProcess(self._toml) as process:
                process.ready()
                self._look(process.address, OLD)
                self._round(process, stops=chance < 0.2)
        self.counts.kills += 1

    def look_for_all(self) -> None:
        """Everything that was ever acknowledged; then the node stops by itself."""
        with NodeProcess(self._toml) as process:
            self._look(process.ready().address, len(self._held))
            code = process.end()
            if code:
                self.counts.lost.append(f"the node ended with {code}")

    # -- putting -------------------------------------------------------------------------------------------------------

    def _round(self, process: NodeProcess, stops: bool) -> None:
        draw, counts = self._draw, self.counts
        killed = threading.Event()

        def kill() -> None:
            if stops:
                process.leave()
                time.sleep(draw.uniform(0.0, 0.1))  # anywhere in its end
            process.kill()
            killed.set()

        counts.stopping += stops
        with _client() as client:
            client.connect(process.address)
            self._deletable.clear()
            killer = threading.Timer(draw.uniform(0.0, PUT_S), kill)
            killer.start()
            waiting: deque[tuple[Acknowledged, Future[PutDone]]] = deque()
            while not killed.is_set():
                while len(waiting) < IN_FLIGHT:
                    waiting.append(self._put(client))
                self._settle(*waiting.popleft())
            killed_s = time.monotonic()
            while waiting:
                self._settle(*waiting.popleft())
            counts.slowest_error_s = max(counts.slowest_error_s, time.monotonic() - killed_s)
            killer.join()

    def _settle(self, one: Acknowledged, future: Future[PutDone]) -> None:
        try:
            future.result(20)
        except Superseded:
            pass  # a later version of that key overtook it
        except NotDone:
            self.counts.failed += 1
            if not one.owner:
                self._maybe.append(one.key)
        else:
            self._note(one)

    def _put(self, client: Node) -> tuple[Acknowledged, Future[PutDone]]:
        self._number += 1
        number, draw, owner = self._number, self._draw, client.public
        if self._deletable and number % 10 == 0:
            key = self._deletable.pop()
            self._held.pop((owner, key), None)  # until it is acknowledged, it may be there or not
            return Acknowledged(key, None, owner, 2), client.delete_future(key, timeout=10)
        value = b"%d " % number + draw.randbytes(draw.choice((0, 10, 100, 1000, 4000)))
        if number % 3:
            return Acknowledged(content_key(value), value), client.put_future(value, timeout=10)
        key, sequence = b"key %d" % draw.randrange(KEYS), number
        if number % 5 == 0:
            key, sequence = b"once %d" % number, 1
        future = client.put_future(value, key=key, sequence=sequence, timeout=10)
        return Acknowledged(key, value, owner, sequence), future

    def _note(self, one: Acknowledged) -> None:
        self.counts.acknowledged += 1
        name = (one.owner, one.key)
        before = self._held.get(name)
        if before is None or before.sequence < one.sequence:
            self._held[name] = one
        self._fresh.append(name)
        if one.sequence == 1:
            self._deletable.append(one.key)

    # -- looking -------------------------------------------------------------------------------------------------------

    def _look(self, address: str, old: int) -> None:
        names = dict.fromkeys(name for name in self._fresh if name in self._held)
        names |= dict.fromkeys(self._draw.sample(list(self._held), min(old, len(self._held))))
        self._fresh.clear()
        maybe, self._maybe = self._maybe, []
        with _client() as client:
            client.connect(address)
            waiting: deque[tuple[Acknowledged, Future[Got]]] = deque()
            for name in names:
                if len(waiting) >= IN_FLIGHT:
                    self._check(*waiting.popleft())
                one = self._held[name]
                kind = Kind.OWNED if one.owner else Kind.CONTENT
                waiting.append((one, client.get_future(one.key, kind=kind, owner=one.owner or None, timeout=10)))
            while waiting:
                self._check(*waiting.popleft())
            for key in maybe:
                try:
                    client.get(key)
                    self.counts.unsaid += 1
                except NotFound:
                    pass

    def _check(self, one: Acknowledged, future: Future[Got]) -> None:
        self.counts.checked += 1
        what = f"{one.key!r}, sequence {one.sequence}"
        try:
            got = future.result(20)
        except NotFound:
            if one.value is not None:
                self.counts.lost.append(f"{what}: not there")
            return
        except MdhtError as error:
            self.counts.lost.append(f"{what}: {error}")
            return
        if got.sequence < one.sequence or (got.sequence == one.sequence and got.value != one.value):
            self.counts.lost.append(f"{what}: another version, {got.sequence}")


def _client() -> Node:
    """It does not listen, and so keeps nothing for others."""
    return Node(Config(listen=(), replicas=1, reads=1))
