"""Trees and shares made in memory."""

from __future__ import annotations

from hashlib import sha256

from mdht.files import Builder, Entry, EntryKind, Leaf, Need, Root, ShareKind, Walk, pack_entry


def digest(number: int) -> bytes:
    """A hash, the same for the same number."""
    return sha256(b"%d" % number).digest()


class Lists(dict[bytes, bytes]):
    """List records by their hashes."""

    def keep(self, value: bytes) -> bytes:
        """What a builder calls."""
        one = sha256(value).digest()
        self[one] = value
        return one


def built(chunks: int) -> tuple[list[bytes], Lists]:
    """The top and the lists of a tree of so many chunks."""
    lists = Lists()
    builder = Builder(lists.keep)
    for number in range(chunks):
        builder.add(digest(number))
    return builder.finish(), lists


def walked(walk: Walk, lists: dict[bytes, bytes]) -> list[Leaf]:
    """All chunks of a tree."""
    leaves: list[Leaf] = []
    while (step := walk.next()) is not None:
        if isinstance(step, Need):
            walk.give(lists[step.hash])
        else:
            leaves.append(step)
    return leaves


ENTRIES = (
    Entry(EntryKind.FILE, b"a", 3, digest(1)),
    Entry(EntryKind.FOLDER, b"b/empty"),
    Entry(EntryKind.EXECUTABLE, b"b/run", 0, digest(2)),
    Entry(EntryKind.FILE, b"b-c", 4, digest(3)),
    Entry(EntryKind.FILE, "ü\n".encode(), 0, digest(4)),
    Entry(EntryKind.FILE, b"\xff\xfe", 1, digest(5)),
)
"""Sorted name by name: what is in b comes before b-c."""

INDEX = b"".join(map(pack_entry, ENTRIES))

FILE = Root(ShareKind.FILE, b"file", True, 65_280, 1, 70_000, digest(9), 0, (digest(0), digest(1)), ())
FOLDER = Root(
    ShareKind.FOLDER, b"folder", False, 65_280, len(ENTRIES), 8, digest(9), len(INDEX), (digest(0),), (digest(1),)
)
