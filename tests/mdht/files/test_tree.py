"""Trees of hashes: one shape for each size, in any number of levels; lists that lie are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.errors import Malformed
from mdht.files import Builder, Leaf, Need, Walk, chunk_count, top_of
from mdht.files.limits import CHUNK_BYTES, CHUNK_LEAST_BYTES, DATA_BYTES, LIST_HASHES, TOP_HASHES
from mdht.files.tree import pack_list, read_list

from .making import Lists, built, digest, walked


@pytest.mark.parametrize("chunks", [0, 1, 2, TOP_HASHES - 1, TOP_HASHES, TOP_HASHES + 1, LIST_HASHES, LIST_HASHES + 1])
def test_what_is_built_is_walked(chunks: int) -> None:
    top, lists = built(chunks)
    size = chunks * CHUNK_BYTES - (7 if chunks else 0)
    assert top_of(chunk_count(size, CHUNK_BYTES)) == (0 if chunks <= TOP_HASHES else 1, len(top))
    leaves = walked(Walk(top, size, CHUNK_BYTES), lists)
    assert [leaf.hash for leaf in leaves] == [digest(number) for number in range(chunks)]
    assert sum(leaf.size_bytes for leaf in leaves) == size
    assert all(leaf.size_bytes == CHUNK_BYTES for leaf in leaves[:-1])


def test_two_levels_of_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mdht.files.tree.TOP_HASHES", 3)
    monkeypatch.setattr("mdht.files.tree.LIST_HASHES", 4)
    for chunks in range(49):
        top, lists = built(chunks)
        level, count = top_of(chunks)
        assert (len(top), level) == (count, 0 if chunks <= 3 else 1 if chunks <= 12 else 2)
        assert [leaf.hash for leaf in walked(Walk(top, chunks * 10, 10), lists)] == [digest(n) for n in range(chunks)]
    with pytest.raises(Malformed, match="3 levels"):
        built(49)
    with pytest.raises(Malformed, match="3 levels"):
        top_of(49)


def test_a_builder_holds_one_list_of_each_level() -> None:
    lists = Lists()
    builder = Builder(lists.keep)
    for number in range(3 * LIST_HASHES + 5):
        builder.add(digest(number))
        assert sum(map(len, builder._waiting)) <= LIST_HASHES + len(lists)
    assert len(builder.finish()) == 4


def test_the_largest_share_has_a_tree() -> None:
    assert top_of(chunk_count(DATA_BYTES, CHUNK_LEAST_BYTES))[0] == 2


def test_lists_that_lie() -> None:
    top, lists = built(TOP_HASHES + 1)
    good = lists[top[0]]
    bad = [
        b"",
        good[:-1],
        good + b"x",
        good[:-32],
        good + bytes(32),
        b"xxxx" + good[4:],
        pack_list(2, read_list(good, 1, TOP_HASHES + 1)),
    ]
    for value in bad:
        walk = Walk(top, (TOP_HASHES + 1) * CHUNK_BYTES, CHUNK_BYTES)
        assert isinstance(walk.next(), Need)
        with pytest.raises(Malformed):
            walk.give(value)
        walk.give(good)  # of another peer
        assert isinstance(walk.next(), Leaf)


def test_a_top_that_does_not_fit_its_size() -> None:
    for size in (0, CHUNK_BYTES, 2 * CHUNK_BYTES + 1):
        with pytest.raises(Malformed):
            Walk([digest(0), digest(1)], size, CHUNK_BYTES)


def test_a_walk_is_driven_in_order() -> None:
    top, _ = built(TOP_HASHES + 1)
    walk = Walk(top, (TOP_HASHES + 1) * CHUNK_BYTES, CHUNK_BYTES)
    with pytest.raises(ValueError, match="no list"):
        walk.give(b"")
    walk.next()
    with pytest.raises(ValueError, match="is awaited"):
        walk.next()


@given(st.binary(max_size=5000), st.integers(0, 3), st.integers(0, 100))
def test_anything_as_a_list(value: bytes, level: int, count: int) -> None:
    try:
        hashes = read_list(value, level, count)
    except Malformed:
        return
    assert pack_list(level, hashes) == value


@given(st.integers(0, 5000))
def test_the_same_content_has_the_same_top(chunks: int) -> None:
    assert built(chunks)[0] == built(chunks)[0]
