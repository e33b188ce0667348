"""Peer records that were verified once: they come again with every answer, and a signature costs 40 µs to check.

A record is known by all its bytes, so whatever differs in one bit is verified as new. Only its expiry is looked at
again. The table is bounded, and the one used longest ago goes first.
"""

from __future__ import annotations

from collections import OrderedDict

from ..errors import Expired
from .peer import PeerRecord


class VerifiedPeers:
    """Reads and verifies packed peer records of one network, each only once while it remembers it.

    `most` is the number of records remembered, of up to `limits.PEER_RECORD_BYTES` each. For one thread at a time.
    """

    __slots__ = ("_known", "_most", "_network")

    def __init__(self, network: str, most: int) -> None:
        self._network = network
        self._most = most
        self._known: OrderedDict[bytes, PeerRecord] = OrderedDict()

    def read(self, packed: bytes, now_s: float) -> PeerRecord:
        """The verified record of that binary form.

        Raises what `PeerRecord.unpack` and `PeerRecord.verify` raise, all of them RemoteErrors.
        """
        known = self._known
        record = known.get(packed)
        if record is None:
            record = PeerRecord.unpack(packed)
            record.verify(self._network, now_s)
            known[packed] = record
            if len(known) > self._most:
                known.popitem(last=False)
        elif record.expires_s <= now_s:
            del known[packed]
            raise Expired(record.expires_s, now_s)
        else:
            known.move_to_end(packed)
        return record

    def __len__(self) -> int:
        return len(self._known)
