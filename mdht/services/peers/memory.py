"""Peers remembered from one run of a node to the next: a file in its data directory.

They are the contacts of the routing table with their signed peer records, those known longest first: who was there for
long stays for long (Kademlia, section 2.4, from Saroiu and others' traces of Gnutella). Times in the file are of the
wall clock. It is a convenience, and never needed: what cannot be read is reported and ignored, what was changed fails
its signature, and nothing is synced.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ...errors import RemoteError
from ...model import PeerRecord, VerifiedPeers
from ...routing import BadSnapshot, Known, RoutingTable, Snapshot

_log: Final = logging.getLogger(__name__)

REMEMBERED: Final = 256
"""Peers in the file: some are still there after weeks; half a MiB at most."""

FILE_BYTES: Final = 1 << 20
"""A larger file is none of ours."""

SAVE_S: Final = 60.0
"""Seconds between writes at least: a node that is killed forgets whom it met in the last minute."""

FILE: Final = "peers"
"""Its name in the data directory."""


class PeerMemory:
    """The file at `path`; empty: nothing is remembered. Its methods block for the file, about a millisecond."""

    def __init__(self, path: str, own_id: bytes) -> None:
        self._path = path
        self._own_id = own_id
        self._version = 0
        self._saved_s = 0.0

    def keep(self, table: RoutingTable, now_s: float, wall_s: float, *, last: bool = False) -> None:
        """Save the table's contacts if they have changed and it is time, or (`last`) in any case.

        An empty table says nothing against what is in the file. `now_s` is the clock of the table's times.
        """
        if not len(table) or not (last or (table.version != self._version and now_s - self._saved_s >= SAVE_S)):
            return
        self._version, self._saved_s = table.version, now_s
        self.save(table, wall_s - now_s)

    def save(self, contacts: Iterable[Known], ahead_s: float) -> None:
        """Write the best of them, in place of what is there, at once or not at all.

        `ahead_s` is the wall clock less the clock of the contacts' times. What goes wrong is logged.
        """
        if not self._path:
            return
        best = sorted(contacts, key=lambda one: (one.failed > 0, one.first_seen_s))[:REMEMBERED]
        rows = [_moved(one, ahead_s) for one in best if one.contact.data]
        packed = Snapshot(self._own_id, 0, tuple(sorted(rows, key=lambda one: one.contact.id))).to_bytes()
        fresh = f"{self._path}.{os.getpid()}"
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(packed)
            os.replace(fresh, self._path)
        except OSError as error:
            _log.warning("peers are not remembered: %s cannot be written: %s", self._path, error.strerror)

    def load(self, verified: VerifiedPeers, wall_s: float) -> list[PeerRecord]:
        """Their records, verified, those known longest first. Empty where there is no file, or none of ours."""
        if not self._path:
            return []
        try:
            with open(self._path, "rb") as file:
                packed = file.read(FILE_BYTES + 1)
            if len(packed) > FILE_BYTES:
                raise BadSnapshot(f"it has more than {FILE_BYTES} bytes")
            snapshot = Snapshot.from_bytes(packed)
        except FileNotFoundError:
            return []
        except OSError as error:
            _log.warning("no peers are remembered: %s cannot be read: %s", self._path, error.strerror)
            return []
        except BadSnapshot as error:
            _log.warning("no peers are remembered: %s is damaged: %s; it is written anew", self._path, error)
            return []
        found: list[PeerRecord] = []
        bad = 0
        for row in sorted(snapshot.rows, key=lambda one: (one.failed > 0, one.first_seen_s))[:REMEMBERED]:
            try:
                record = verified.read(row.contact.data, wall_s)
            except RemoteError:
                bad += 1
                continue
            if record.id != self._own_id:
                found.append(record)
        if bad:
            _log.info("%d of %d remembered peers are not used: expired, or damaged", bad, len(snapshot.rows))
        return found


def _moved(known: Known, ahead_s: float) -> Known:
    return replace(known, first_seen_s=known.first_seen_s + ahead_s, last_seen_s=known.last_seen_s + ahead_s)
