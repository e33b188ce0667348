"""The primitive operations of `rules` over one LMDB write transaction.

Accounts are kept in memory until `flush`: in a batch most puts count in the same few.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from ...errors import Malformed
from ..entry import Held, decode
from ..quota import Usage
from .environment import Databases, Txn

UNTIL: Final = Struct(">Q")
USAGE: Final = Struct(">QQ")


class LmdbShelf:
    """For one batch, and its thread."""

    __slots__ = ("_changed", "_dbs", "_txn", "_usage")

    def __init__(self, txn: Txn, databases: Databases) -> None:
        self._txn = txn
        self._dbs = databases
        self._usage: dict[bytes, Usage] = {}
        self._changed: set[bytes] = set()

    def load(self, slot: bytes) -> Held | None:
        data = self._txn.get(slot, db=self._dbs.records)
        return None if data is None else decode(data)

    def save(self, slot: bytes, owner: bytes, held: Held, old: Held | None) -> None:
        txn, dbs = self._txn, self._dbs
        if old is None:
            if owner:
                txn.put(owner + slot, b"", db=dbs.owners)
        elif old.until_s != held.until_s:
            txn.delete(UNTIL.pack(old.until_s) + slot, db=dbs.expiry)
        if old is None or old.until_s != held.until_s:
            txn.put(UNTIL.pack(held.until_s) + slot, b"", db=dbs.expiry)
        txn.put(slot, held.encode(), db=dbs.records)

    def drop(self, slot: bytes, owner: bytes, held: Held) -> None:
        txn, dbs = self._txn, self._dbs
        txn.delete(slot, db=dbs.records)
        txn.delete(UNTIL.pack(held.until_s) + slot, db=dbs.expiry)
        if owner:
            txn.delete(owner + slot, db=dbs.owners)

    def due(self, now_s: float, count: int) -> list[bytes]:
        found: list[bytes] = []
        with self._txn.cursor(self._dbs.expiry) as cursor:
            more = cursor.first()
            while more and len(found) < count:
                key = bytes(cursor.key())
                if UNTIL.unpack_from(key)[0] > now_s:
                    break
                found.append(key[UNTIL.size :])
                more = cursor.next()
        return found

    def usage(self, account: bytes) -> Usage:
        usage = self._usage.get(account)
        if usage is None:
            usage = self._usage[account] = read_usage(self._txn, self._dbs, account)
        return usage

    def set_usage(self, account: bytes, usage: Usage) -> None:
        self._usage[account] = usage
        self._changed.add(account)

    def flush(self) -> None:
        """Write the accounts that have changed."""
        for account in self._changed:
            usage = self._usage[account]
            if usage.records:
                self._txn.put(account, USAGE.pack(*usage), db=self._dbs.usage)
            else:
                self._txn.delete(account, db=self._dbs.usage)
        self._changed.clear()


def read_usage(txn: Txn, databases: Databases, account: bytes) -> Usage:
    """What an account has. Raises Malformed."""
    data = txn.get(account, db=databases.usage)
    if data is None:
        return Usage()
    if len(data) != USAGE.size:
        raise Malformed("account", f"{len(data)} bytes, not {USAGE.size}")
    return Usage(*USAGE.unpack(data))
