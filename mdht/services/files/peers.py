"""Which peers a share or a fetch talks to: the closest to an address, without those that failed; a stream to each."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from ipc import Interned, IpcError

from ...codec import ErrorCode, Purpose
from ...errors import LinkClosed, MdhtError, RemoteError, RequestFailed
from ...files import Regions
from ...limits import LOOKUP_TIMEOUT_S, REQUEST_TIMEOUT_S, STREAM_STALL_S, K
from ...routing import Latency
from ..api.commands import DoFind, FoundPeers
from ..errors import NotLinked
from ..peers.commands import WhoIsThere
from ..roster import Known
from .desk import Desk
from .pipeline import Pipeline
from .streams import StreamPort

_log: Final = logging.getLogger(__name__)

_LOOKUPS: Final = 8
"""Lookups at a time: each is three questions at a time, and what it finds may save the next one."""

_CHANCES: Final = 2
"""Times that a peer may fail in one share or fetch: a link that was replaced or moved is dialled again."""

_STREAMS: Final = 64
"""Streams of one share or fetch at a time; the one used longest ago is closed for another."""


_PAUSE_S: Final = 0.25
"""Seconds before a peer that was busy is asked again; doubled each time, up to `_PAUSE_MOST_S`: 8 s together."""

_PAUSE_MOST_S: Final = 4.0


class Finder:
    """The closest peers, from few lookups. One for all shares and fetches of a node."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._regions: Regions[Known] = Regions(K)
        self._looking = asyncio.Semaphore(_LOOKUPS)
        self._background: set[asyncio.Task[None]] = set()

    @property
    def knows_everybody(self) -> bool:
        """Whether the network is so small that one lookup found all of it."""
        return self._regions.is_whole(self._desk.now_s)

    async def closest(self, address: bytes, count: int) -> list[Known]:
        """Peers around the address, the closest first; `count` of them or more where there are so many."""
        there = self._regions.closest(address, count, self._desk.now_s)
        if there is not None:
            return there
        async with self._looking:
            there = self._regions.closest(address, count, self._desk.now_s)
            if there is None:
                there = await self.look_up(address)
        return there

    async def closest_soon(self, address: bytes, count: int, patience_s: float) -> list[Known]:
        """The same for one who reads: those that this node knows of where a lookup takes longer than `patience_s`.

        The lookup goes on, and others profit by it.
        """
        there = self._regions.closest(address, count, self._desk.now_s)
        if there is not None:
            return there
        if len(self._background) < _LOOKUPS:
            task = self._desk.loop.create_task(self._in_background(address, count))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
            await asyncio.wait((task,), timeout=patience_s)
        else:
            await asyncio.wait(self._background, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        there = self._regions.closest(address, count, self._desk.now_s)
        if there is None:
            roster: Interned = await self._desk.ask("peers", WhoIsThere())
            there = roster.value.closest(address, K)
        return there

    async def _in_background(self, address: bytes, count: int) -> None:
        try:
            await self.closest(address, count)
        except (MdhtError, IpcError) as error:
            _log.debug("a lookup for a fetch failed: %s", error)  # whoever needs it has its own, in the end

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Lookups that run."""
        return list(self._background)

    async def look_up(self, address: bytes) -> list[Known]:
        """The same, by a lookup in any case."""
        found: FoundPeers = await self._desk.ask("api", DoFind(address, LOOKUP_TIMEOUT_S))
        peers = [Known(one, record) for one, record in zip(found.ids, found.records, strict=True)]
        if found.converged:
            self._regions.learn(address, peers, self._desk.now_s)
        return peers


class PeerStreams:
    """The streams of one share or fetch, all for one purpose.

    `patience_s`: after so many seconds without an answer a peer is given up; or, if that is less, after
    `STREAM_STALL_S`, and where nothing has to be synced after `REQUEST_TIMEOUT_S`. `latency` is told how long they are
    silent while something waits.
    """

    def __init__(self, port: StreamPort, purpose: Purpose, patience_s: float, latency: Latency | None = None) -> None:
        self._stall_s = min(patience_s, STREAM_STALL_S if purpose is Purpose.PUT_RECORDS else REQUEST_TIMEOUT_S)
        self._latency = latency
        self._port = port
        self._purpose = purpose
        self._pipelines: dict[bytes, Pipeline] = {}
        self._failures: dict[bytes, int] = {}

    def usable(self, peer: Known) -> bool:
        """Whether it has not failed too often."""
        return self._failures.get(peer.id, 0) < _CHANCES

    def load_bytes(self, peer: Known) -> int:
        """What waits for its answers."""
        pipeline = self._pipelines.get(peer.id)
        return 0 if pipeline is None else pipeline.load_bytes

    def burden(self, peer: Known) -> tuple[bool, int]:
        """For choosing the one with the least: those that are late now come last, whatever waits there."""
        return self.left_s(peer) <= 0, self.load_bytes(peer)

    def left_s(self, peer: Known) -> float:
        """Seconds until it counts as late, where it stays silent; 0 or less: it does. Only with `latency`."""
        assert self._latency is not None, "who asks measures"
        pipeline = self._pipelines.get(peer.id)
        return self._latency.patience_s() - (0.0 if pipeline is None else pipeline.silent_s)

    async def ask(self, peer: Known, item: bytes, cost_bytes: int, *, patient: bool) -> object:
        """The answer of that peer. Raises MdhtError.

        Where only the link broke, it is asked again; where it serves as many others as it does, again in a while, if
        `patient`.
        """
        pause_s = _PAUSE_S
        while True:
            pipeline = self._to(peer)
            try:
                return await pipeline.submit(item, cost_bytes)
            except MdhtError as error:
                busy = isinstance(error, RequestFailed) and error.code == ErrorCode.BUSY
                if patient and busy and pause_s <= _PAUSE_MOST_S:
                    self._close_idle()  # or two shares may each hold the place that the other waits for
                    await asyncio.sleep(pause_s)
                    pause_s *= 2
                    continue
                self._failed(pipeline, error)
                if not isinstance(error, LinkClosed | NotLinked) or not self.usable(peer):
                    raise

    def distrust(self, peer: Known, error: RemoteError) -> None:
        """It sent what was not asked for: nothing more is asked of it."""
        self._failures[peer.id] = _CHANCES
        pipeline = self._pipelines.pop(peer.id, None)
        if pipeline is not None:
            pipeline.fail(error)

    def check(self, now_s: float) -> None:
        """To be called about every second."""
        for pipeline in list(self._pipelines.values()):
            pipeline.check(now_s)
            if pipeline.dead is not None:
                self._failed(pipeline, pipeline.dead)  # those that waited may have got it elsewhere

    def close(self) -> None:
        """All of it is over."""
        for pipeline in self._pipelines.values():
            pipeline.close()
        self._pipelines.clear()

    def _to(self, peer: Known) -> Pipeline:
        pipeline = self._pipelines.pop(peer.id, None)
        if pipeline is None or pipeline.dead is not None:
            if len(self._pipelines) >= _STREAMS:
                self._close_idle(1)
            pipeline = Pipeline(self._port, peer, self._purpose, self._stall_s, self._latency)
        self._pipelines[peer.id] = pipeline  # the last one used is the last one here
        return pipeline

    def _close_idle(self, most: int = _STREAMS) -> None:
        """The streams on which nothing waits, those used longest ago first."""
        for one in [one for one, pipeline in self._pipelines.items() if not pipeline.load_bytes][:most]:
            self._pipelines.pop(one).close()

    def _failed(self, pipeline: Pipeline, error: Exception) -> None:
        """Once for each stream that broke, however many waited on it."""
        peer = pipeline.peer
        if self._pipelines.get(peer.id) is pipeline and pipeline.dead is not None:
            del self._pipelines[peer.id]
            chance = isinstance(error, LinkClosed | NotLinked)
            self._failures[peer.id] = self._failures.get(peer.id, 0) + (1 if chance else _CHANCES)
