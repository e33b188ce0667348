"""Root records: there and back, and everything that a hostile one could say."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.errors import Malformed
from mdht.files import Root, ShareKind, pack_root, read_root
from mdht.files.limits import DATA_BYTES, ENTRIES
from mdht.limits import VALUE_BYTES

from .making import FILE, FOLDER, digest


@pytest.mark.parametrize("root", [FILE, FOLDER], ids=["file", "folder"])
def test_there_and_back(root: Root) -> None:
    assert read_root(pack_root(root)) == root


def test_the_least_and_the_most() -> None:
    empty = Root(ShareKind.FOLDER, b"x" * 255, False, 8192, 0, 0, digest(0), 0, (), ())
    assert read_root(pack_root(empty)) == empty
    top = tuple(digest(number) for number in range(1000))
    full = replace(FOLDER, entries=300_000, data_bytes=65_280_000, index_bytes=65_280_000, data_top=top, index_top=top)
    assert len(pack_root(full)) <= VALUE_BYTES
    assert read_root(pack_root(full)) == full


@pytest.mark.parametrize(
    "root",
    [
        replace(FILE, name=b""),
        replace(FILE, name=b".."),
        replace(FILE, name=b"."),
        replace(FILE, name=b"a/b"),
        replace(FILE, name=b"a\0b"),
        replace(FILE, entries=2),
        replace(FILE, index_bytes=10, index_top=(digest(0),)),
        replace(FILE, chunk_bytes=100),
        replace(FILE, chunk_bytes=VALUE_BYTES + 1),
        replace(FILE, data_bytes=65_280),
        replace(FILE, data_bytes=DATA_BYTES + 1),
        replace(FILE, data_top=()),
        replace(FOLDER, executable=True),
        replace(FOLDER, entries=ENTRIES + 1),
        replace(FOLDER, entries=0),
        replace(FOLDER, entries=100_000),
        replace(FOLDER, index_bytes=1 << 40),
        replace(FOLDER, index_top=(digest(0), digest(1))),
    ],
    ids=str,
)
def test_what_no_share_may_say(root: Root) -> None:
    with pytest.raises(Malformed):
        pack_root(root)


def test_other_versions_and_kinds() -> None:
    good = pack_root(FILE)
    for at, value in ((0, b"x"), (4, b"\x02"), (5, b"\x00"), (5, b"\x03"), (6, b"\x02"), (6, b"\xff")):
        with pytest.raises(Malformed):
            read_root(good[:at] + value + good[at + 1 :])
    with pytest.raises(Malformed, match="upgrade"):
        read_root(good[:4] + b"\x02" + good[5:])
    with pytest.raises(Malformed, match="something else"):
        read_root(b"hello" * 100)


def test_sizes_are_checked_before_anything_is_made_of_them() -> None:
    good = bytearray(pack_root(FILE))
    struct.pack_into(">Q", good, 8 + 4 + 4 + 8, (1 << 64) - 1)
    with pytest.raises(Malformed, match="too many"):
        read_root(bytes(good))
    with pytest.raises(Malformed):
        read_root(bytes(VALUE_BYTES + 1))


@given(st.data())
def test_one_changed_byte_is_another_share_or_none(data: st.DataObject) -> None:
    good = pack_root(FOLDER)
    at = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(0, 255))
    changed = good[:at] + bytes((value,)) + good[at + 1 :]
    try:
        root = read_root(changed)
    except Malformed:
        return
    assert pack_root(root) == changed


@given(st.binary(max_size=300))
def test_any_bytes(value: bytes) -> None:
    for one in (value, b"mdhs\x01" + value):
        try:
            assert pack_root(read_root(one)) == one
        except Malformed:
            pass
