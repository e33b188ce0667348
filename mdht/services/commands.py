"""What several services say to each other: questions, of peers and of our own user, and their answers.

Plain immutable values, so they cross every channel. `Serve` goes to `store` and `local`; by `Ask` a question goes to a
peer. What one service alone is told is in the `commands` of its folder.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc import sendable


@sendable("mdht.get")
@dataclass(frozen=True, slots=True)
class Get:
    """The record at an address. `Have`, or `Nearest`."""

    address: bytes
    peers: int = 0


@sendable("mdht.get_all")
@dataclass(frozen=True, slots=True)
class GetAll:
    """All owners' records of an open name but the first `skip`. `HaveAll`, or `Nearest`."""

    address: bytes
    skip: int = 0


@sendable("mdht.find")
@dataclass(frozen=True, slots=True)
class Find:
    """The closest peers. `Nearest`."""

    target: bytes
    peers: int


@sendable("mdht.put")
@dataclass(frozen=True, slots=True)
class Put:
    """Store this packed record. `Kept`. `chosen`: who else is asked, as `codec.Put` has it."""

    record: bytes
    expect: int | None = None
    lease_s: int = 0
    chosen: bytes = b""


Question = Get | GetAll | Find | Put


@sendable("mdht.have")
@dataclass(frozen=True, slots=True)
class Have:
    """A packed record, how many other owners there are, and the closest peers where asked for."""

    record: bytes
    others: int = 0
    peers: tuple[bytes, ...] = ()


@sendable("mdht.have_all")
@dataclass(frozen=True, slots=True)
class HaveAll:
    """Packed records of an open name, of `total`."""

    records: tuple[bytes, ...]
    total: int


@sendable("mdht.nearest")
@dataclass(frozen=True, slots=True)
class Nearest:
    """Packed peer records, the closest first; the record asked for is not here."""

    peers: tuple[bytes, ...]


@sendable("mdht.kept")
@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a put: a `codec.Verdict`, the sequence held, the lease in seconds, and who is closer."""

    verdict: int
    held: int = 0
    lease_s: int = 0
    peers: tuple[bytes, ...] = ()


Reply = Have | HaveAll | Nearest | Kept


@sendable("mdht.serve")
@dataclass(frozen=True, slots=True)
class Serve:
    """Answer a question; a put is charged to `peer` (an id; empty: our own user) and its `subnet`."""

    question: Question
    peer: bytes = b""
    subnet: str = ""
