"""Whom this node knows, as an immutable value that `peers` publishes and everybody else reads without asking.

One `ipc.Interned` handle a node: services on the same host see a newer roster at once, other processes soon.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from struct import Struct
from typing import Final

from ipc import Interned, sendable

from ..limits import CLOSEST_PEERS, MARK_BYTES
from ..routing.nearest import nearest


@dataclass(frozen=True, slots=True)
class Known:
    """A peer as lookups see it: its id, and its packed record to dial it by."""

    id: bytes
    record: bytes


@sendable("mdht.roster")
@dataclass(frozen=True)
class Roster:
    """Peers that answered when they were last asked: ids and packed peer records, side by side, in the order of ids."""

    ids: tuple[bytes, ...] = ()
    records: tuple[bytes, ...] = ()
    places: dict[bytes, int] | None = None
    """Where links live in several places: in which of them that to each linked peer is, by id. None: all in one."""

    @classmethod
    def of(cls, peers: Iterable[tuple[bytes, bytes]], places: dict[bytes, int] | None = None) -> Roster:
        """From pairs of an id and a packed record; of two with one id the later counts."""
        rows = sorted(dict(peers).items())
        return cls(tuple(row[0] for row in rows), tuple(row[1] for row in rows), places)

    def place_of(self, peer: bytes) -> int:
        """Where the link to that peer is, or was last; where there is none, any place knows as much."""
        return 0 if self.places is None else self.places.get(peer, 0)

    @cached_property
    def _numbers(self) -> list[int]:
        return [int.from_bytes(one, "big") for one in self.ids]

    @cached_property
    def marks(self) -> list[int]:
        """The beginning of each id, as a number, in the order of ids."""
        return [int.from_bytes(one[:MARK_BYTES], "big") for one in self.ids]

    @cached_property
    def _by_number(self) -> dict[int, Known]:
        return {
            number: Known(one, record)
            for number, one, record in zip(self._numbers, self.ids, self.records, strict=True)
        }

    def closest(self, target: bytes, count: int) -> list[Known]:
        """At most `count` peers, nearest to `target` (32 bytes) first."""
        known = self._by_number
        return [known[number] for number in nearest(self._numbers, int.from_bytes(target, "big"), count)]

    def covers(self, own_id: bytes, target: bytes, count: int) -> bool:
        """Whether the `count` peers nearest to `target` are probably among these: it looks as crowded there as here.

        Around our own id we know everybody, so the distance of the peers there tells how many there are in all, and how
        far from any target the `count`-th is to be expected. Twice that is taken for a yes; a wrong one is put right by
        what those peers say.
        """
        if len(self.ids) < 2 * count:
            return len(self.ids) >= count
        own = int.from_bytes(own_id, "big")
        here = nearest(self._numbers, own, count)[-1] ^ own
        goal = int.from_bytes(target, "big")
        there = nearest(self._numbers, goal, count)[-1] ^ goal
        return there <= 2 * here

    def __len__(self) -> int:
        return len(self.ids)


def new_handle() -> Interned:
    """The handle of one node, with an empty roster; its name tells nodes of one process apart."""
    return Interned(f"mdht.roster.{os.urandom(8).hex()}", Roster())


def marks_of(ids: Iterable[bytes]) -> bytes:
    """`codec.Put.chosen`: the beginning of each id."""
    return b"".join([one[:MARK_BYTES] for one in ids])


def nearer_than_chosen(roster: Roster, address: bytes, chosen: bytes, asker: bytes) -> tuple[bytes, ...]:
    """Packed records of peers nearer to `address` than the farthest that was chosen, but for those, and who asks.

    At most as many as were chosen, the nearest of them. Bytes beyond the last whole mark are ignored.
    """
    count = len(chosen) // MARK_BYTES
    if not count:
        return ()
    marks = _UNPACK[count](chosen[: count * MARK_BYTES])
    target = int.from_bytes(address[:MARK_BYTES], "big")
    farthest = max([mark ^ target for mark in marks])
    if len(roster) <= _FEW:
        there = roster.marks
        nearer = [at for at, mark in enumerate(there) if mark ^ target < farthest and mark not in marks]
        if not nearer:
            return ()
        nearer.sort(key=lambda at: there[at] ^ target)
        found = [(roster.ids[at], roster.records[at]) for at in nearer]
    else:
        found = [
            (known.id, known.record)
            for known in roster.closest(address, len(marks))
            if (mark := int.from_bytes(known.id[:MARK_BYTES], "big")) not in marks and mark ^ target < farthest
        ]
    return tuple([record for peer, record in found if peer != asker][: len(marks)])


_FEW: Final = 64
"""Peers that are looked at one by one sooner than searched."""

_UNPACK: Final = [Struct(f">{count}Q").unpack for count in range(CLOSEST_PEERS + 1)]
"""By how many marks there are."""
