"""Mixed load on a network of process nodes, over a bounded set of records: what grows under it is a leak.

Each asker is a thread with one node. It puts content of a small set of values again and again, puts newer versions of
its own keys, and gets what anybody has put. Every answer is checked. An owned record that was acknowledged must be
found with that version or a newer one; one whose put failed may be there or not, as nobody can know.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ipc import IpcError

from ..errors import MdhtError, NodeGone, NoNode
from ..model import Kind
from ..testnet import ProcessNet

VALUES: Final = 200
"""Content values of each asker."""

KEYS: Final = 40
"""Owned keys of each node."""

TIMEOUT_S: Final = 20.0
"""Seconds for one request, with what it takes to try again where a process was killed."""

PATIENCE_S: Final = 60.0
"""Seconds in which a get may be tried again while nodes are restarted; then it has failed."""

REST_S: Final = 0.2
"""Seconds before a request is made again whose node is not there."""

ERRORS_MAX: Final = 50
"""Failures that are told one by one."""


@dataclass(slots=True)
class Counts:
    """Totals since the start."""

    puts: int = 0
    gets: int = 0
    again: int = 0
    """Requests that were made again, since the node was away."""
    failed_puts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Gets that brought nothing, or something else than was acknowledged."""
    slowest_s: float = 0.0


class MixedLoad:
    """`start`, `stop`, then `look_for_all`. `counts` may be read at any time."""

    def __init__(self, net: ProcessNet, askers: Sequence[int], seed: int, pause_s: float) -> None:
        """`askers`: the node of each; `pause_s`: seconds between two requests of one asker."""
        self.counts = Counts()
        self._net = net
        self._pause_s = pause_s
        self._seed = seed
        self._stop = threading.Event()
        self._began_s = time.monotonic()
        self._lock = threading.Lock()
        self._content: dict[bytes, bytes] = {}
        self._owned: dict[tuple[bytes, bytes], int] = {}
        self._publics = {one: net[one].public for one in range(len(net))}
        self._threads = [
            threading.Thread(target=self._run, args=(at, node), name=f"asker-{at}", daemon=True)
            for at, node in enumerate(askers)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End it, and wait for the last answers. Raises TimeoutError where a request hangs."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S + TIMEOUT_S)
            if thread.is_alive():
                raise TimeoutError(f"{thread.name} hangs in a request")

    def look_for_all(self, node: int) -> int:
        """Get everything that was acknowledged, by that node; how many there were. What is wrong is in the counts."""
        for key, value in list(self._content.items()):
            self._get_content(node, key, value)
        for (owner, name), version in list(self._owned.items()):
            self._get_owned(node, owner, name, version)
        return len(self._content) + len(self._owned)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _run(self, asker: int, node: int) -> None:
        dice = random.Random(f"{self._seed} {asker}")
        values = [
            b"%d %d %d " % (self._seed, asker, at) + dice.randbytes(dice.choice((40, 400, 4000)))
            for at in range(VALUES)
        ]
        version = 0
        while not self._stop.wait(self._pause_s):
            draw = dice.random()
            if draw < 0.15:
                self._put_content(node, dice.choice(values))
            elif draw < 0.3:
                version += 1
                self._put_owned(node, b"%d %d" % (asker, dice.randrange(KEYS)), version)
            else:
                self._get_any(node, dice)

    def _put_content(self, node: int, value: bytes) -> None:
        try:
            done = self._net[node].put(value, timeout=TIMEOUT_S)
        except (MdhtError, IpcError, OSError) as error:
            self._failed_put(error)
            return
        with self._lock:
            self.counts.puts += 1
            self._content[done.key] = value

    def _put_owned(self, node: int, name: bytes, version: int) -> None:
        where = (self._publics[node], name)
        try:
            self._net[node].put(b"%d" % version, key=name, timeout=TIMEOUT_S)
        except (MdhtError, IpcError, OSError) as error:
            self._failed_put(error)
            return
        with self._lock:
            self.counts.puts += 1
            self._owned[where] = version

    def _failed_put(self, error: Exception) -> None:
        with self._lock:
            self.counts.failed_puts[type(error).__name__] += 1
        if isinstance(error, NoNode | NodeGone):
            self._stop.wait(REST_S)

    def _get_any(self, node: int, dice: random.Random) -> None:
        with self._lock:
            owned = dice.random() < 0.5 and bool(self._owned)
            if not owned and not self._content:
                return
            at = dice.randrange(len(self._owned if owned else self._content))
            where = list(self._owned)[at] if owned else None
            version = self._owned[where] if where is not None else 0
            key = b"" if owned else list(self._content)[at]
        if where is not None:
            self._get_owned(node, *where, version)
        else:
            self._get_content(node, key, self._content[key])

    def _get_content(self, node: int, key: bytes, value: bytes) -> None:
        self._get(node, key, None, lambda got: got == value)

    def _get_owned(self, node: int, owner: bytes, name: bytes, version: int) -> None:
        self._get(node, name, owner, lambda got: got.isdigit() and int(got) >= version)

    def _get(self, node: int, key: bytes, owner: bytes | None, right: object) -> None:
        assert callable(right)
        began_s = time.monotonic()
        said = ""
        while time.monotonic() - began_s < PATIENCE_S:
            try:
                kind = Kind.CONTENT if owner is None else Kind.OWNED
                got = self._net[node].get(key, kind=kind, owner=owner, timeout=TIMEOUT_S).value
            except (MdhtError, IpcError, OSError) as error:
                said = f"{type(error).__name__}: {error}"
            else:
                if right(got):
                    with self._lock:
                        self.counts.gets += 1
                        self.counts.slowest_s = max(self.counts.slowest_s, time.monotonic() - began_s)
                    return
                said = f"{got[:40]!r} is not what was acknowledged"
            with self._lock:
                self.counts.again += 1
            time.sleep(REST_S)
        with self._lock:
            if len(self.counts.wrong) < ERRORS_MAX:
                at_s = time.monotonic() - self._began_s
                self.counts.wrong.append(f"after {at_s:.0f} s, node {node}, {key[:16].hex()}: {said}")
