"""Heads of arrays and maps."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc.codec import array_header, dumps, join_array
from ipc.codec.heads import map_header

from .samples import scalars


@settings(deadline=None)
@given(st.lists(scalars, max_size=40))
def test_a_joined_array_is_the_list(items: list[Any]) -> None:
    assert join_array([dumps(item) for item in items]) == dumps(items)


@pytest.mark.parametrize("count", [0, 15, 16, 65535, 65536])
def test_array_headers(count: int) -> None:
    assert array_header(count) + b"\xc0" * count == msgpack.packb([None] * count)


def test_an_array_has_a_longest_length() -> None:
    assert array_header((1 << 32) - 1) == b"\xdd\xff\xff\xff\xff"
    with pytest.raises(ValueError, match="too long"):
        array_header(1 << 32)


@pytest.mark.parametrize("count", [0, 15, 16, 65535, 65536])
def test_map_headers(count: int) -> None:
    assert msgpack.packb(dict.fromkeys(range(count))).startswith(map_header(count))
