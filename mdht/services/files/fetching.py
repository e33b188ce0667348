"""One fetch: the root record, the index, then the content in order, a window of chunks on their way at a time.

A chunk is asked of the peers that are the closest to its address, of the one of them that has least to do first, over
one stream a peer; it is verified by its hash when it comes. Who does not have it, fails or forges is passed over, and
in the end an ordinary lookup is made for it. Who is silent for longer than peers mostly are (`routing.latency`) is
not waited for alone: the next is asked besides, and whichever has it first counts. Who is silent now is asked last.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from hashlib import sha256
from typing import Any, Final, TypeVar

from ...codec import Purpose
from ...errors import ChunksMissing, Malformed, NotFound, Rejected
from ...files import Leaf, Need, Root, ShareKind, Walk, pack_address, read_root
from ...limits import FILE_BATCH_BYTES, FILE_WINDOW_BYTES, LOOKUP_TIMEOUT_S, VALUE_BYTES
from ...model import Kind, address_of
from ...routing import Latency
from ..api.commands import DoGet, Got
from ..commands import Get, Have, Serve
from ..roster import Known
from .commands import Fetched
from .desk import Desk, Disk, FileSettings
from .hedging import Attempt, hedged
from .operation import FileOperation
from .peers import Finder, PeerStreams
from .streams import StreamPort
from .target import Target, check_target
from .text import printable

T = TypeVar("T")

_CONTENT: Final = int(Kind.CONTENT)

_PATIENCE_S: Final = 0.25
"""Seconds of silence that a peer may take at least before others are asked besides: the sync of a slow disk, or the
turn of a busy machine. Pieces of what was asked for count, so a slow link is not silence.
"""


class Fetching:
    """See the module."""

    def __init__(
        self,
        desk: Desk,
        port: StreamPort,
        finder: Finder,
        disk: Disk,
        settings: FileSettings,
        operation: FileOperation,
    ) -> None:
        self._desk = desk
        self._finder = finder
        self._disk = disk
        self._replicas = settings.replicas
        self._operation = operation
        self._latency = Latency(floor_s=_PATIENCE_S)
        self._streams = PeerStreams(port, Purpose.GET_RECORDS, operation.timeout_s / 2, self._latency)
        operation.streams = self._streams

    async def _on_disk(self, step: Callable[..., T], *arguments: Any) -> T:
        return await self._operation.on_disk(self._disk, step, *arguments)

    async def run(self, id: bytes, path: str) -> Fetched:
        """Do it. Raises as `Node.fetch`."""
        made: list[Target] = []

        def make() -> Target:
            made.append(Target(path, root, id))
            return made[0]

        def abandon() -> None:
            for target in made:
                target.abandon()

        try:
            await self._on_disk(check_target, path)
            root = read_root(await self._load(id))
            self._operation.total_bytes = root.data_bytes
            try:
                return await self._fetch(root, await self._on_disk(make))
            finally:  # also where it was cancelled while it was made: this comes after it
                await asyncio.shield(self._disk.run(abandon))
        finally:
            self._streams.close()

    async def _fetch(self, root: Root, target: Target) -> Fetched:
        operation = self._operation
        operation.files_total = 1
        if root.kind is ShareKind.FOLDER:
            async for blocks in self._blocks(root.index_top, root.index_bytes, root.chunk_bytes, None):
                await self._on_disk(target.write_index, blocks)
            operation.files_total = await self._on_disk(target.index_finished)
            operation.moved()
        async for blocks in self._blocks(root.data_top, root.data_bytes, root.chunk_bytes, target):
            await self._on_disk(target.write, blocks)
            operation.done_bytes += sum(map(len, blocks))
            operation.files_done = target.files_done
            operation.moved()
        await self._on_disk(target.finish)
        operation.files_done = target.files_done
        name = printable(root.name.decode("utf-8", "surrogateescape"))
        return Fetched(printable(target.path), name, target.files_done, root.data_bytes)

    # -- a stream of chunks --------------------------------------------------------------------------------------------

    async def _blocks(
        self, top: tuple[bytes, ...], size_bytes: int, chunk_bytes: int, target: Target | None
    ) -> AsyncIterator[list[bytes]]:
        """A stream's bytes in order, in lists of chunks of about `FILE_BATCH_BYTES`; of an index there is no target."""
        walk = Walk(list(top), size_bytes, chunk_bytes)
        coming: deque[tuple[Leaf, asyncio.Task[bytes]]] = deque()
        most = max(1, FILE_WINDOW_BYTES // chunk_bytes)
        batch = max(1, FILE_BATCH_BYTES // chunk_bytes)
        blocks: list[bytes] = []
        more = True
        try:
            while True:
                while more and len(coming) + len(blocks) < most:
                    more = await self._begin_next(walk, coming)
                if not coming:
                    break
                leaf, task = coming[0]
                try:
                    value = await task
                except NotFound as error:
                    if target is not None and blocks:
                        await self._on_disk(target.write, blocks)
                    raise await self._missing(leaf, error, coming, target) from error
                coming.popleft()
                if len(value) != leaf.size_bytes:
                    raise Malformed("share", f"a chunk of {len(value)} bytes, where {leaf.size_bytes} were promised")
                self._operation.moved()
                blocks.append(value)
                if len(blocks) >= batch:
                    yield blocks
                    blocks = []
            if blocks:
                yield blocks
        finally:
            for _, task in coming:
                task.cancel()
            await asyncio.gather(*(task for _, task in coming), return_exceptions=True)

    async def _begin_next(self, walk: Walk, coming: deque[tuple[Leaf, asyncio.Task[bytes]]]) -> bool:
        """Ask for the next chunk; False where there is none."""
        while True:
            step = walk.next()
            if step is None:
                return False
            if isinstance(step, Need):
                walk.give(await self._load(step.hash))
                continue
            if coming and coming[-1][0].hash == step.hash:
                task = coming[-1][1]  # as in a file of zeros
            else:
                task = asyncio.ensure_future(self._load(step.hash))
            coming.append((step, task))
            return True

    async def _missing(
        self, leaf: Leaf, error: NotFound, coming: deque[tuple[Leaf, asyncio.Task[bytes]]], target: Target | None
    ) -> ChunksMissing:
        """What is told of it: those on their way are waited for, to count them."""
        results = await asyncio.gather(*(task for _, task in coming), return_exceptions=True)
        count = sum(isinstance(result, NotFound) for result in results)
        file = "the index" if target is None else await self._on_disk(lambda: target.next_file)
        return ChunksMissing(printable(file), count, leaf.hash, error.asked)

    # -- one record ----------------------------------------------------------------------------------------------------

    async def _load(self, hash: bytes) -> bytes:
        """The value with that hash. Raises NotFound where nobody has it, or what kept us from finding out."""
        address = address_of(Kind.CONTENT, hash)
        have = await self._desk.ask("store", Serve(Get(address)))
        if isinstance(have, Have):
            return have.record[1:]
        near = await self._finder.closest_soon(address, self._replicas, self._latency.patience_s())
        first = sorted(near[: self._replicas], key=self._streams.burden)
        return await hedged(self._attempts([*first, *near[self._replicas :]], address, hash))

    def _attempts(self, peers: list[Known], address: bytes, hash: bytes) -> Iterator[Attempt[bytes]]:
        """Who is asked for it, one after another."""
        for peer in peers:
            if self._streams.usable(peer):
                yield Attempt(partial(self._of, peer, address, hash), partial(self._streams.left_s, peer))
        yield Attempt(partial(self._looked_up, hash), lambda: LOOKUP_TIMEOUT_S)

    async def _looked_up(self, hash: bytes) -> bytes:
        """By a lookup of its own. Raises NotFound, and what kept us from finding out."""
        got: Got = await self._desk.ask("api", DoGet(_CONTENT, hash, b"", LOOKUP_TIMEOUT_S))
        return got.value

    async def _of(self, peer: Known, address: bytes, hash: bytes) -> bytes:
        """What that peer has. Raises MdhtError where it has nothing, or does not answer."""
        packed: Any = await self._streams.ask(peer, pack_address(address), VALUE_BYTES, patient=False)
        if packed is None:
            raise NotFound(address, 1)
        value: bytes = packed[1:]
        if packed[0] != _CONTENT or sha256(value).digest() != hash:
            forged = Rejected("a record that was not asked for")
            self._streams.distrust(peer, forged)
            raise forged
        return value
