"""One share: every piece of it to the peers closest to its address, many at a time, the root record last.

So who finds the root record finds the rest. A piece whose peers refuse, or fail, goes to the next closest. It must have
reached `min_replicas`, and one peer besides this node where more than one was wanted, or the share ends with an error;
what was stored by then stays until its lease is over.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ...codec import Purpose
from ...errors import ChunkNotStored, MdhtError, NotDone, shown
from ...files import Reply, pack_put
from ...limits import FILE_WINDOW_BYTES
from ...model import Content, Kind, address_of, short_id
from ..commands import Kept, Put, Serve
from ..roster import Known
from .commands import Shared
from .desk import Desk, Disk, FileSettings, Window
from .operation import FileOperation
from .peers import Finder, PeerStreams
from .scan import scan
from .source import Piece, Source
from .streams import StreamPort
from .text import printable

T = TypeVar("T")

_REMEMBERED: Final = 65_536
"""Hashes remembered as on their way or stored: equal parts within 4 GiB are sent once. 8 MiB of memory at most."""

_REASONS: Final = 3
"""Different reasons that an error tells."""


@dataclass(frozen=True, slots=True)
class Item:
    """A piece as it is stored. `packed`: as it is put by a stream."""

    address: bytes
    record: bytes
    packed: bytes


class Sharing:
    """See the module. `path` is absolute; `replicas` 0: the configuration's."""

    def __init__(
        self,
        desk: Desk,
        port: StreamPort,
        finder: Finder,
        disk: Disk,
        settings: FileSettings,
        operation: FileOperation,
        replicas: int,
    ) -> None:
        self._desk = desk
        self._finder = finder
        self._disk = disk
        self._operation = operation
        self._wanted = replicas or settings.replicas
        self._least = min(settings.min_replicas, self._wanted)
        self._serves = settings.serves
        self._own_id = settings.own_id
        self._own = int.from_bytes(settings.own_id, "big")
        self._streams = PeerStreams(port, Purpose.PUT_RECORDS, operation.timeout_s / 2)
        self._window = Window(FILE_WINDOW_BYTES)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._fewest = self._wanted
        self._chunks = 0
        operation.streams = self._streams

    async def _on_disk(self, step: Callable[..., T], *arguments: Any) -> T:
        return await self._operation.on_disk(self._disk, step, *arguments)

    async def run(self, path: str) -> tuple[Shared, bytes]:
        """Do it; also gives `Scan.fingerprint` of what was shared. Raises as `Node.share`."""
        made: list[Source] = []

        def look() -> tuple[Source, bytes]:
            made.append(Source(scan(path)))
            return made[0], made[0].scan.fingerprint()

        def close() -> None:
            for source in made:
                source.close()

        try:
            source, fingerprint = await self._on_disk(look)
            return await self._share(source), fingerprint
        finally:  # also where it was cancelled while it was made: this comes after it
            self.close_streams()
            await asyncio.shield(self._disk.run(close))

    def close_streams(self) -> None:
        """Nothing more is asked."""
        self._streams.close()

    async def _before(self, piece: Piece) -> None:
        """Wait until it may be on its way."""
        await self._window.take(len(piece.value))

    async def _share(self, source: Source) -> Shared:
        operation, found = self._operation, source.scan
        operation.total_bytes, operation.files_total = found.size_bytes, found.files
        operation.moved()
        async with asyncio.TaskGroup() as placing:
            while (pieces := await self._on_disk(source.read)) is not None:
                operation.moved()
                for piece in pieces:
                    if self._is_new(piece):
                        await self._before(piece)
                        placing.create_task(self._place(piece))
                    else:
                        self._count(piece)
        root = source.root
        assert root is not None, "all was read"
        await self._before(root)
        await self._place(root)
        operation.files_done = found.files
        return Shared(
            root.hash,
            _text(found.name),
            found.files,
            found.size_bytes,
            self._chunks,
            self._fewest,
            tuple(map(printable, found.skipped)),
            found.skipped_total,
        )

    def _is_new(self, piece: Piece) -> bool:
        if piece.hash in self._known:
            return False
        self._known[piece.hash] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return True

    def _count(self, piece: Piece) -> None:
        operation = self._operation
        operation.done_bytes += piece.data_bytes
        operation.files_done = max(operation.files_done, piece.files_done)
        operation.moved()

    # -- one piece -----------------------------------------------------------------------------------------------------

    async def _place(self, piece: Piece) -> None:
        """To as many peers as are wanted. The window has its bytes. Raises ChunkNotStored."""
        try:
            stored, alone, errors = await self._store(piece)
            if stored < self._least or alone:
                why = _reasons(errors) or "no other peer was found: connect first"
                raise ChunkNotStored(stored, self._wanted, why, printable(piece.file), piece.hash)
        finally:
            self._window.give(len(piece.value))
        self._chunks += 1
        self._fewest = min(self._fewest, stored)
        self._count(piece)

    async def _store(self, piece: Piece) -> tuple[int, bool, list[Exception]]:
        """How many hold it, whether none does but this node where others were wanted, and what went wrong."""
        address = address_of(Kind.CONTENT, piece.hash)
        record = Content(piece.value).pack()
        item = Item(address, record, pack_put(record))
        errors: list[Exception] = []
        tried: set[bytes] = set()
        stored = others = 0
        peers = await self._finder.closest(address, self._wanted)
        here = self._is_ours(peers, address)
        looked_up = False
        while stored < self._wanted:
            round_ = [peer for peer in peers if peer.id not in tried and self._streams.usable(peer)]
            del round_[self._wanted - stored - here :]
            if not round_ and not here:
                if looked_up or self._finder.knows_everybody:
                    break
                looked_up = True
                peers = await self._finder.look_up(address)
                continue
            tried.update(peer.id for peer in round_)
            puts = [self._at(peer, item) for peer in round_]
            if here:
                puts.append(self._at_home(item))
            for place, answer in enumerate(await asyncio.gather(*puts, return_exceptions=True)):
                if answer is None:
                    stored += 1
                    others += place < len(round_)
                elif isinstance(answer, MdhtError):
                    errors.append(answer)
                else:
                    raise answer
            here = False
        return stored, self._wanted > 1 and not others, errors

    def _is_ours(self, peers: list[Known], address: bytes) -> bool:
        """Whether this node is one of the closest."""
        if not self._serves:
            return False
        goal = int.from_bytes(address, "big")
        ours = self._own ^ goal
        return sum(int.from_bytes(peer.id, "big") ^ goal < ours for peer in peers) < self._wanted

    async def _at(self, peer: Known, item: Item) -> None:
        """Raises why it is not there."""
        reply: Any = await self._streams.ask(peer, item.packed, len(item.packed), patient=True)
        assert isinstance(reply, Reply), "of a put stream"
        if not reply.stored:
            raise RemoteRefusal(peer.id, reply.text or f"code {reply.code}")

    async def _at_home(self, item: Item) -> None:
        kept = await self._desk.ask("store", Serve(Put(item.record)))
        assert isinstance(kept, Kept), "a put was asked"


class RemoteRefusal(NotDone):
    """A peer did not take a record: its quota, a full store."""

    def __init__(self, peer: bytes = b"", text: str = "") -> None:
        super().__init__(peer, text)
        self.peer = peer
        self.text = text

    def __str__(self) -> str:
        return f"{short_id(self.peer)} refused: {shown(self.text, quotes=False)}"


def _reasons(errors: list[Exception]) -> str:
    """The different ones, and how often."""
    texts = Counter(error.text if isinstance(error, RemoteRefusal) else str(error) for error in errors)
    told = [f"{count}× {shown(text, quotes=False, most=200)}" for text, count in texts.most_common(_REASONS)]
    return "; ".join(told)


def _text(name: bytes) -> str:
    return printable(name.decode("utf-8", "surrogateescape"))
