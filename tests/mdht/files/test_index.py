"""What is in a folder: read in any pieces; paths that lead out of it, or into each other, are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.errors import Malformed
from mdht.files import Entry, EntryKind, IndexReader, check_path, pack_entry
from mdht.files.index import ENTRY_MOST_BYTES
from mdht.files.names import order

from .making import ENTRIES, INDEX, digest


def read(data: bytes, entries: int = len(ENTRIES), data_bytes: int = 8, piece: int = 1 << 20) -> list[Entry]:
    reader = IndexReader(entries, data_bytes)
    found: list[Entry] = []
    for at in range(0, len(data), piece):
        found += reader.feed_untrusted(data[at : at + piece])
    reader.finish()
    return found


@pytest.mark.parametrize("piece", [1, 2, 7, 50, 1 << 20])
def test_in_any_pieces(piece: int) -> None:
    assert read(INDEX, piece=piece) == list(ENTRIES)


BAD_PATHS = [
    b"", b"/", b"/a", b"a/", b"a//b", b".", b"..", b"../a", b"a/..", b"a/../b", b"a/./b", b"a\0b",
    b"x" * 256, b"a/" * 2048 + b"b", b"a/" * 256 + b"b",
]  # fmt: skip


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: ascii(path[:20]))
def test_paths_that_no_share_may_have(path: bytes) -> None:
    with pytest.raises(Malformed):
        check_path(path)
    with pytest.raises(Malformed):
        pack_entry(Entry(EntryKind.FOLDER, path))
    forged = b"\x02" + len(path).to_bytes(2, "big") + path
    with pytest.raises(Malformed):
        read(forged, 1, 0)


@pytest.mark.parametrize(
    "paths",
    [
        [b"b", b"a"],
        [b"a", b"a"],
        [b"a", b"a/b"],
        [b"a-b", b"a/b"],
        [b"a/b", b"a/b/c"],
        [b"a/b", b"a/c", b"a"],
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [EntryKind.FILE, EntryKind.FOLDER])
def test_paths_out_of_order_or_through_a_file(paths: list[bytes], kind: EntryKind) -> None:
    sha256 = b"" if kind is EntryKind.FOLDER else digest(0)
    data = b"".join(pack_entry(Entry(kind, path, 0, sha256)) for path in paths)
    with pytest.raises(Malformed):
        read(data, len(paths), 0)


def test_counts_and_sizes_have_to_fit() -> None:
    for entries, data_bytes in ((5, 8), (7, 8), (6, 7), (6, 9)):
        with pytest.raises(Malformed):
            read(INDEX, entries, data_bytes)
    with pytest.raises(Malformed):
        read(INDEX[:-1])
    with pytest.raises(Malformed):
        read(INDEX + b"\x00")
    huge = pack_entry(Entry(EntryKind.FILE, b"a", 1 << 63, digest(0)))
    with pytest.raises(Malformed):
        read(huge, 1, 1 << 63)
    with pytest.raises(Malformed):
        read(b"\x03\x00\x01a", 1, 0)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes(data: bytes, piece: int) -> None:
    reader = IndexReader(10, 1000)
    try:
        for at in range(0, len(data), piece):
            reader.feed_untrusted(data[at : at + piece])
            assert len(reader._kept) < ENTRY_MOST_BYTES
        reader.finish()
    except Malformed:
        pass


NAMES = st.binary(min_size=1, max_size=4).filter(lambda one: one not in (b".", b"..") and not set(one) & {0, 47})


@given(st.lists(st.lists(NAMES, min_size=1, max_size=3).map(b"/".join), unique=True, max_size=8))
def test_any_folder(paths: list[bytes]) -> None:
    clear = [one for one in paths if not any(other.startswith(one + b"/") for other in paths)]
    entries = [Entry(EntryKind.FILE, path, 1, digest(0)) for path in sorted(clear, key=order)]
    assert read(b"".join(map(pack_entry, entries)), len(entries), len(entries), 3) == entries
    assert [order(one.path) for one in entries] == sorted(b"\0".join(one.split(b"/")) for one in clear), (
        "as folders are walked: name by name"
    )
