"""One load maker: a process with links to nodes under test, that does what it is told by lines of JSON.

    python -m mdht.tuning.maker

It ends when told to, or when its stdin does. Commands are methods of `Maker`; each is answered by one line, with its
`value` or its `error`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from ipc.loops import new_loop

from ..errors import MdhtError
from ..limits import EXPIRES_S
from ..model import Content, Identity, Kind, PeerRecord, Record, Signed
from ..session import HandshakeConfig, SessionConfig, TlsContexts
from .load_link import Job, LoadLink, clock

LINE_BYTES: Final = 1 << 20
"""Of a command or answer."""

TICK_S: Final = 0.5
"""Seconds between looks for requests that are late, and for pings."""

KNOWN_MAX: Final = 50_000
"""Records that are remembered to be got: beyond, new ones take the place of others."""

BUCKETS: Final = 30.0
"""Buckets of latencies for each factor of e: 3.3 % between two."""

_DAY_S: Final = 86_400


class Load:
    """The links to one node, what it holds, and what becomes of the requests."""

    def __init__(self, seed: str, network: str, sizes: Sequence[int], owned_share: float = 0.0) -> None:
        self._seed = seed
        self._network = network
        self._sizes = sizes
        self._owned_share = owned_share
        self._owner = Identity.from_seed(os.urandom(32))
        self._tls = TlsContexts()
        self._links: list[LoadLink] = []
        self._known: list[Job] = []
        self._draw = random.Random(os.urandom(8))
        self._mine = os.urandom(8)
        self._filler = os.urandom(max(sizes))
        self._made = 0
        self._get_share = 1.0
        self._left = 0
        self._idle = asyncio.Event()
        self._begin(0.0)

    def _begin(self, until_s: float) -> None:
        self._until_s = until_s
        self._gets = self._puts = 0
        self._errors: Counter[str] = Counter()
        self._took: list[float] = []

    async def connect(self, count: int) -> None:
        """So many links that are usable."""
        self._links = [link for link in self._links if link.usable]
        while len(self._links) < count:
            link = LoadLink(self)
            await link.open(self._seed, _stranger(self._network), self._tls)
            self._links.append(link)

    async def fill(self, records: int, in_flight: int, seconds: float) -> dict[str, Any]:
        """Put so many records, for so long at the most; how many are left, and what went wrong."""
        self._get_share, self._left = 0.0, records
        self._begin(clock() + seconds)
        await self._drive(in_flight)
        return {"left": self._left, "errors": dict(self._errors)}

    async def run(self, seconds: float, in_flight: int, get_share: float) -> dict[str, Any]:
        """Ask for so long, and say what became of what was answered within it."""
        self._get_share, self._left = get_share, sys.maxsize
        began_s, cpu_s = clock(), time.process_time()
        self._begin(began_s + seconds)
        await self._drive(in_flight)
        return {
            "wall_s": seconds,
            "gets": self._gets,
            "puts": self._puts,
            "cpu_cores": (time.process_time() - cpu_s) / max(clock() - began_s, 1e-9),
            "errors": dict(self._errors.most_common(8)),
            "failed": self._errors.total(),
            "took": list(Counter(bucket_of(one) for one in self._took).items()),
        }

    async def _drive(self, in_flight: int) -> None:
        """Until there is nothing more to ask, and everything is answered."""
        links = [link for link in self._links if link.usable][:in_flight]
        if not links:
            self._errors["no link"] += 1
            return
        for at, link in enumerate(links):
            link.ask(in_flight // len(links) + (at < in_flight % len(links)))
        while any(link.waiting for link in links):
            try:
                async with asyncio.timeout(TICK_S):
                    await self._idle.wait()
            except TimeoutError:
                pass
            self._idle.clear()
            for link in links:
                link.tick()

    def tick(self) -> None:
        """For links that have nothing to do."""
        for link in self._links:
            link.tick()

    def close(self) -> None:
        """Say goodbye."""
        for link in self._links:
            link.close()

    # -- what links ask ------------------------------------------------------------------------------------------------

    def next(self) -> Job | None:
        """See `Source`."""
        if self._left <= 0 or clock() >= self._until_s:
            return None
        self._left -= 1
        if self._known and (self._get_share >= 1.0 or self._draw.random() < self._get_share):
            return self._draw.choice(self._known)
        self._made += 1
        size = self._sizes[self._made % len(self._sizes)]
        name = self._mine + self._made.to_bytes(8, "big")
        value = name + self._filler[16:size]
        record: Record = Content(value)
        if self._owned_share and self._draw.random() < self._owned_share:
            now_s = time.time()
            expires_s = int(now_s) + _DAY_S
            record = Signed.sign(
                self._owner, self._network, Kind.OWNED, name, value, sequence=1, expires_s=expires_s, now_s=now_s
            )
        return True, record.address, record.pack()

    def done(self, job: Job, began_s: float, error: str) -> None:
        """See `Source`."""
        now_s = clock()
        put, address, record = job
        if error:
            self._errors[error] += 1
        else:
            if put and len(self._known) < KNOWN_MAX:
                self._known.append((False, address, record))
            if now_s <= self._until_s:
                self._puts += put
                self._gets += not put
                self._took.append(now_s - began_s)
        if self._left <= 0 or now_s >= self._until_s:
            self._idle.set()


class Maker:
    """The commands. Loads are told apart by a name."""

    def __init__(self) -> None:
        self._loads: dict[str, Load] = {}

    async def open(self, name: str, seed: str, network: str, links: int, sizes: list[int], owned: float) -> None:
        """Link to a node."""
        load = self._loads[name] = Load(seed, network, sizes, owned)
        await load.connect(links)

    async def fill(self, name: str, records: int, in_flight: int, seconds: float) -> dict[str, Any]:
        """Put records to be got later."""
        return await self._loads[name].fill(records, in_flight, seconds)

    async def run(self, name: str, seconds: float, links: int, in_flight: int, get_share: float) -> dict[str, Any]:
        """Measure; links that have ended are dialled again first."""
        await self._loads[name].connect(links)
        gc.collect()
        return await self._loads[name].run(seconds, in_flight, get_share)

    async def close(self, name: str) -> None:
        """Leave a node."""
        if load := self._loads.pop(name, None):
            load.close()

    def tick(self) -> None:
        """See `Load`."""
        for load in self._loads.values():
            load.tick()


COMMANDS: Final = ("open", "fill", "run", "close")


def bucket_of(took_s: float) -> int:
    """The bucket of a latency, on a logarithmic scale."""
    return round(math.log(max(took_s, 1e-7)) * BUCKETS)


def quantile(buckets: dict[int, int], fraction: float) -> float:
    """Seconds that `fraction` of all latencies do not exceed, to 1.7 %; 0.0 of none."""
    left = math.ceil(sum(buckets.values()) * fraction)
    for bucket in sorted(buckets):
        left -= buckets[bucket]
        if left <= 0:
            return math.exp(bucket / BUCKETS)
    return 0.0


def _stranger(network: str) -> SessionConfig:
    """A new identity that serves nothing, so that nobody dials it or gives it records."""
    identity = Identity.from_seed(os.urandom(32))
    now_s = time.time()
    record = PeerRecord.sign(
        identity,
        network,
        sequence=int(now_s * 1000),
        expires_s=int(now_s) + EXPIRES_S - _DAY_S,
        now_s=now_s,
    )
    config = SessionConfig(handshake=HandshakeConfig(network=network, identity=identity, record=record))
    config.validate()
    return config


async def serve(maker: Maker) -> None:
    """Answer commands until there are no more."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def ticking() -> None:
        while True:
            await asyncio.sleep(TICK_S)
            maker.tick()

    ticks = loop.create_task(ticking())
    try:
        while line := await reader.readline():
            asked = json.loads(line)
            said: dict[str, Any]
            try:
                if asked["do"] not in COMMANDS:
                    raise ValueError(f"no command {asked['do']!r}")
                said = {"value": await getattr(maker, asked["do"])(**asked["with"])}
            except (MdhtError, OSError, TimeoutError, ValueError, KeyError) as error:
                said = {"error": f"{type(error).__name__}: {error}"}
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # whoever asked is gone, and nobody is left to tell
    finally:
        ticks.cancel()


def main() -> None:
    """The process."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve(Maker()))


if __name__ == "__main__":
    main()
