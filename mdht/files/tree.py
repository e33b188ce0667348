"""A stream of bytes as a tree of content records: chunks of equal size, and lists of their hashes.

The shape follows from the size alone, so there is one tree for each stream, and nothing in it to lie about: of `n`
chunks, where `n` is at most `TOP_HASHES`, the root record has all hashes (level 0). Otherwise they are put into lists
of `LIST_HASHES`, the last one shorter, and the same is done with the hashes of the lists, until there are few enough.

A list record's value: `mdhl`, version u8, level u8 (1: of chunks), hashes of 32 bytes. A hash is the SHA-256 of a
value, by which a content record is found. (The idea is Merkle's tree of hashes, 1987, with a wide fan-out.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..errors import Malformed
from ..limits import HASH_BYTES
from .limits import LIST_HASHES, TOP_HASHES, TREE_LEVELS

_HEAD: Final = b"mdhl\x01"


def chunk_count(size_bytes: int, chunk_bytes: int) -> int:
    """Chunks of a stream."""
    return -(-size_bytes // chunk_bytes)


def top_of(chunks: int) -> tuple[int, int]:
    """The level of a tree's top, and how many hashes it has. Raises Malformed for more than `TREE_LEVELS` allow."""
    level = 0
    while chunks > TOP_HASHES:
        chunks = -(-chunks // LIST_HASHES)
        level += 1
    if level > TREE_LEVELS:
        raise Malformed("tree", f"{level} levels of lists, where {TREE_LEVELS} are allowed")
    return level, chunks


def pack_list(level: int, hashes: list[bytes]) -> bytes:
    """The value of a list record."""
    return b"".join((_HEAD, bytes((level,)), *hashes))


def read_list(value: bytes, level: int, count: int) -> list[bytes]:
    """The hashes of a list of that level, which must have so many. Raises Malformed."""
    at = len(_HEAD) + 1
    if value[:at] != _HEAD + bytes((level,)):
        raise Malformed("list", f"it is none of level {level}")
    if len(value) != at + count * HASH_BYTES:
        raise Malformed("list", f"{len(value)} bytes, where {count} hashes take {at + count * HASH_BYTES}")
    return [value[start : start + HASH_BYTES] for start in range(at, len(value), HASH_BYTES)]


class Builder:
    """Makes the lists of a tree while its chunks come; holds at most one list of each level.

    `put` takes each list's value and returns its hash.
    """

    def __init__(self, put: Callable[[bytes], bytes]) -> None:
        self._put = put
        self._waiting: list[list[bytes]] = [[]]
        self._counts = [0]

    def add(self, chunk: bytes) -> None:
        """The hash of the next chunk."""
        self._add(0, chunk)

    def finish(self) -> list[bytes]:
        """The hashes at its top. Raises Malformed for more chunks than a tree may have."""
        level = 0
        while self._counts[level] > TOP_HASHES:
            if self._waiting[level]:
                self._flush(level)
            level += 1
        if level > TREE_LEVELS:
            raise Malformed("tree", f"{level} levels of lists, where {TREE_LEVELS} are allowed")
        return self._waiting[level]

    def _add(self, level: int, one: bytes) -> None:
        if level == len(self._waiting):
            self._waiting.append([])
            self._counts.append(0)
        self._counts[level] += 1
        self._waiting[level].append(one)
        if len(self._waiting[level]) == LIST_HASHES:
            self._flush(level)

    def _flush(self, level: int) -> None:
        hashes, self._waiting[level] = self._waiting[level], []
        self._add(level + 1, self._put(pack_list(level + 1, hashes)))


@dataclass(frozen=True, slots=True)
class Need:
    """The list with this hash is wanted: give its value to `Walk.give`."""

    hash: bytes


@dataclass(frozen=True, slots=True)
class Leaf:
    """The next chunk: its hash, and how long it is."""

    hash: bytes
    size_bytes: int


@dataclass(slots=True)
class _Hashes:
    """The hashes of one list, or of the top, and which is next. `chunks` are under each of them but the last."""

    level: int
    hashes: list[bytes]
    chunks: int
    """Under all of them together."""
    at: int = 0


class Walk:
    """Gives the chunks of a tree in order, with one list of each level in memory.

    `next()` says `Leaf`, or `Need`: then `give` that list's value, and ask again. None: it is over. For the same `top`,
    size and chunk size it says the same.
    """

    def __init__(self, top: list[bytes], size_bytes: int, chunk_bytes: int) -> None:
        """Raises Malformed where a tree of that size has another number of hashes at its top."""
        chunks = chunk_count(size_bytes, chunk_bytes)
        level, count = top_of(chunks)
        if count != len(top):
            raise Malformed("tree", f"{len(top)} hashes at its top, where {size_bytes:,} bytes make {count}")
        self._left_bytes = size_bytes
        self._chunk_bytes = chunk_bytes
        self._stack = [_Hashes(level, top, chunks)]
        self._needed: tuple[int, int, int] | None = None

    def next(self) -> Leaf | Need | None:
        """What comes next. Raises ValueError while a list is awaited."""
        if self._needed is not None:
            raise ValueError("a list is awaited: give it first")
        while self._stack:
            here = self._stack[-1]
            if here.at == len(here.hashes):
                self._stack.pop()
                continue
            one = here.hashes[here.at]
            if here.level == 0:
                here.at += 1
                size = min(self._chunk_bytes, self._left_bytes)
                self._left_bytes -= size
                return Leaf(one, size)
            each = LIST_HASHES**here.level
            chunks = min(each, here.chunks - here.at * each)
            count = -(-chunks // LIST_HASHES ** (here.level - 1))
            here.at += 1
            self._needed = (here.level, count, chunks)
            return Need(one)
        return None

    def give(self, value: bytes) -> None:
        """The list that was needed. Raises Malformed where it is none, or ValueError where none is."""
        if self._needed is None:
            raise ValueError("no list is awaited")
        level, count, chunks = self._needed
        hashes = read_list(value, level, count)
        self._needed = None
        self._stack.append(_Hashes(level - 1, hashes, chunks))
