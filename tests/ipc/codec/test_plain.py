"""What is packed by one call, and what is not plain."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given, settings

from ipc.codec import PACK_ERRORS, dumps, pack_plain

from .samples import values


@settings(deadline=None)
@given(values)
def test_plain_packing_is_the_same_or_refused(value: Any) -> None:
    try:
        data = pack_plain(value)
    except PACK_ERRORS:
        return
    assert data == dumps(value)


@pytest.mark.parametrize("value", [(1,), [(1,)], [[1]], bytearray(b"x"), [memoryview(b"x")], {1: {}}, 1 << 64, 1j])
def test_what_is_not_plain(value: Any) -> None:
    with pytest.raises(PACK_ERRORS):
        pack_plain(value)


@pytest.mark.parametrize("size", [0, 1, 100, 255, 256, 65_535, 65_536])
def test_bytes_of_every_length(size: int) -> None:
    data = b"x" * size
    assert pack_plain(data) == dumps(data) == msgpack.packb(data)


@pytest.mark.parametrize("stranger", [bytearray(b"x"), memoryview(b"x"), (1,), [], {}, 1j])
@pytest.mark.parametrize("where", [0, 20, 39])
def test_one_stranger_in_a_long_list_of_bytes(stranger: Any, where: int) -> None:
    items: list[Any] = [b"x"] * 40
    items[where] = stranger
    with pytest.raises(PACK_ERRORS):
        pack_plain(items)
