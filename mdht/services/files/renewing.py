"""One renewal of a share: its files are read again, and peers are asked to keep each piece for longer.

Only addresses go out; a piece is sent to a peer that does not have it, or does not know how to renew. Where files were
touched since they were last read, they are read once before anybody is asked, so that nothing of another content is
stored under this share's name.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, Final

from ...codec import ErrorCode, Purpose
from ...errors import ChunkNotStored, FileChanged, MdhtError, RequestFailed
from ...files import RENEWAL_BYTES, Reply, pack_renewal
from ...routing.pace import Pace
from ..commands import Kept
from ..roster import Known
from ..upkeep.commands import Renew
from .desk import Desk, Disk, FileSettings
from .operation import FileOperation
from .peers import Finder, PeerStreams
from .scan import scan
from .shares import KeptShare
from .sharing import Item, RemoteRefusal, Sharing
from .source import Piece, Source
from .streams import StreamPort

RECORDS_S: Final = 200.0
"""Pieces renewed in a second, of all shares together: 1 GiB in a minute and a half. More, where they are so many that
they would take longer than half a period.
"""

BYTES_S: Final = 4.0 * (1 << 20)
"""Bytes sent in a second at most where pieces are missing, all replicas together: as upkeep does."""


_FAILURES: Final = 32
"""Pieces in a row that nobody takes, after which the rest is left to the next try: the network is gone."""


class Changed(MdhtError):
    """The files of a share are not those that were shared."""


class Renewing(Sharing):
    """See the module. `pace`: how fast pieces may follow each other."""

    def __init__(
        self,
        desk: Desk,
        port: StreamPort,
        finder: Finder,
        disk: Disk,
        settings: FileSettings,
        operation: FileOperation,
        replicas: int,
        pace: Pace,
    ) -> None:
        super().__init__(desk, port, finder, disk, settings, operation, replicas)
        self.renewed = self.sent = 0
        """Pieces, at each peer: found there, and put there."""
        self._pace = pace
        self._renewals = PeerStreams(port, Purpose.RENEW_RECORDS, operation.timeout_s / 2)
        self._unable: set[bytes] = set()
        self._failures = 0
        self._first: ChunkNotStored | None = None
        operation.streams = self

    async def renew(self, share: KeptShare) -> bytes:
        """Do it; the fingerprint of the files as they are now.

        Raises Changed, BadShare, FileChanged, ChunkNotStored, TimedOut, and what keeps services from answering.
        """
        made: list[Source] = []
        path = os.fsdecode(share.path)

        def look() -> tuple[Source, bytes]:
            made.append(Source(scan(path)))
            return made[-1], made[-1].scan.fingerprint()

        def close() -> None:
            for source in made:
                source.close()

        try:
            source, fingerprint = await self._on_disk(look)
            if fingerprint != share.fingerprint:
                await self._check(source, share.id)
                source, again = await self._on_disk(look)
                if again != fingerprint:
                    raise FileChanged(path, "it was written to while it was read again")
            if (await self._share(source)).id != share.id:
                raise Changed("their contents are not those that were shared")
            if self._first is not None:
                raise self._first
            return fingerprint
        finally:
            self.close_streams()
            await asyncio.shield(self._disk.run(close))

    def check(self, now_s: float) -> None:
        """See `Checked`."""
        self._streams.check(now_s)
        self._renewals.check(now_s)

    def close_streams(self) -> None:
        super().close_streams()
        self._renewals.close()

    async def _check(self, source: Source, id: bytes) -> None:
        """Read all of it, and let nobody know. Raises Changed."""
        while await self._on_disk(source.read) is not None:
            pass
        assert source.root is not None, "all was read"
        if source.root.hash != id:
            raise Changed("their contents are not those that were shared")

    # -- one piece -----------------------------------------------------------------------------------------------------

    async def _place(self, piece: Piece) -> None:
        """One that nobody takes does not keep the others from being renewed, unless it goes on like that."""
        try:
            await super()._place(piece)
        except ChunkNotStored as error:
            self._first = self._first or error
            self._failures += 1
            if self._failures >= _FAILURES:
                raise
        else:
            self._failures = 0

    async def _before(self, piece: Piece) -> None:
        while (wait_s := self._pace.wait_s(self._desk.now_s)) > 0:
            await asyncio.sleep(max(wait_s, 0.001))
            self._operation.moved()
        self._pace.spend(RENEWAL_BYTES * self._wanted, self._desk.now_s)
        await super()._before(piece)

    async def _at(self, peer: Known, item: Item) -> None:
        if peer.id not in self._unable and self._renewals.usable(peer) and await self._is_there(peer, item.address):
            self.renewed += 1
            return
        self._pace.spend(len(item.packed), self._desk.now_s)
        await super()._at(peer, item)
        self.sent += 1

    async def _is_there(self, peer: Known, address: bytes) -> bool:
        """Whether it is, for longer now. Raises MdhtError where the peer does not answer, or does not want it."""
        try:
            reply: Any = await self._renewals.ask(peer, pack_renewal(address), RENEWAL_BYTES, patient=True)
        except RequestFailed as error:
            if error.code != ErrorCode.UNSUPPORTED:
                raise
            self._unable.add(peer.id)
            return False
        assert isinstance(reply, Reply), "of a stream of renewals"
        if reply.refused and reply.code not in (ErrorCode.NOT_FOUND, ErrorCode.REJECTED):
            raise RemoteRefusal(peer.id, reply.text or f"code {reply.code}")
        return reply.stored

    async def _at_home(self, item: Item) -> None:
        kept = await self._desk.ask("store", Renew(item.address))
        if isinstance(kept, Kept):
            self.renewed += 1
        else:
            await super()._at_home(item)
            self.sent += 1
