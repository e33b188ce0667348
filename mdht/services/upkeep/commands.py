"""What is said to keep records alive. Plain immutable values, as in `commands`.

| to | commands |
|---|---|
| `store`, `published` | `Scan`, answered by `Scanned` |
| `store` | `Renew` |
| `published` | `Remember`, `Forget` |
| `upkeep` | `Arrived`, `Departed`, `Repair`, `UpkeepNumbers` |
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc import sendable


@sendable("mdht.scan")
@dataclass(frozen=True, slots=True)
class Scan:
    """A page of what is held behind `after`, of addresses that share `bits` leading bits with `centre`."""

    after: bytes | None = None
    centre: bytes = bytes(32)
    bits: int = 0
    count: int = 64


@sendable("mdht.stocked")
@dataclass(frozen=True, slots=True)
class Stocked:
    """A record in a store."""

    address: bytes
    record: bytes
    """Packed."""
    until_s: int
    """When it is forgotten there, seconds since 1970 UTC."""
    lease: bool
    """It is content: `until_s` is a lease, and no part of the record."""
    recent: bool
    """It was put there within the last half of a period, so whoever put it put it to the others, too."""


@sendable("mdht.scanned")
@dataclass(frozen=True, slots=True)
class Scanned:
    """A page, in the order of addresses; `after` None: it was the last."""

    held: tuple[Stocked, ...]
    after: bytes | None


@sendable("mdht.remember")
@dataclass(frozen=True, slots=True)
class Remember:
    """Our own user has put this record, made here: it is put again until its expiry.

    Content without `keep_s` is put again as long as this node lives, else for so many seconds. Answered by whether it
    is remembered; where `synced`, after that is on disk.
    """

    record: bytes
    keep_s: int = 0
    synced: bool = False


@sendable("mdht.forget")
@dataclass(frozen=True, slots=True)
class Forget:
    """Our own user wants it put no more: what is remembered there, at an open name that of `owner`.

    Answered by whether there was anything.
    """

    address: bytes
    owner: bytes = b""


@sendable("mdht.renew")
@dataclass(frozen=True, slots=True)
class Renew:
    """Keep the content of that address as if it were put again, with that lease, by that peer (see `Serve`).

    Answered as a put; None where it is not there.
    """

    address: bytes
    lease_s: int = 0
    peer: bytes = b""
    subnet: str = ""


@sendable("mdht.arrived")
@dataclass(frozen=True, slots=True)
class Arrived:
    """A peer that may hold what we hold is linked now. `record` is its packed peer record, numbered `sequence`."""

    peer: bytes
    record: bytes
    sequence: int


@sendable("mdht.departed")
@dataclass(frozen=True, slots=True)
class Departed:
    """A peer that may have held what we hold is given up."""

    peer: bytes


@sendable("mdht.repair")
@dataclass(frozen=True, slots=True)
class Repair:
    """A get has met these peers, as (id, packed peer record), without the newest version: put it to them.

    `lease_s` is for content, which they then keep for so long.
    """

    record: bytes
    peers: tuple[tuple[bytes, bytes], ...]
    lease_s: int = 0


@sendable("mdht.upkeep_numbers")
@dataclass(frozen=True, slots=True)
class UpkeepNumbers:
    """What was done for records; answered by `UpkeepStats`."""


@sendable("mdht.upkeep_stats")
@dataclass(frozen=True, slots=True)
class UpkeepStats:
    """Totals since the start, but for `waiting`."""

    republished: int = 0
    """Records that this node holds, and has put again to the others that hold them."""
    renewed: int = 0
    """Records of our own user that were put again."""
    skipped: int = 0
    """Not put, because another had done so, or because others are closer."""
    handed: int = 0
    """Records put to a newcomer that is one of their closest, or to who is now, since another is gone."""
    repaired: int = 0
    """Records put to a peer that a get had found behind."""
    puts: int = 0
    """Puts sent for all of these."""
    refused: int = 0
    """Of those, refused: no room, or a quota."""
    failed: int = 0
    """Of those, not answered."""
    lost: int = 0
    """Records that nobody could be reached for, after several tries; the next pass tries again."""
    dropped: int = 0
    """Newcomers and repairs for which there was no place in the queue; the next pass makes up for them."""
    passes: int = 0
    """Times that everything was gone through."""
    waiting: int = 0
    """Newcomers and repairs in the queue now."""
