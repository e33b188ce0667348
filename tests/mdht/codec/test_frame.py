from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.codec import FrameReader, pack_frame, pack_frames
from mdht.errors import BadFrame, TooLarge
from mdht.limits import FRAME_BYTES

bodies = st.lists(st.binary(min_size=1, max_size=50), max_size=8)


@given(bodies, st.data())
def test_however_it_is_cut(frames: list[bytes], data: st.DataObject) -> None:
    stream = pack_frames(frames)
    reader = FrameReader()
    got: list[bytes] = []
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    for start, end in pairwise([0, *cuts, len(stream)]):
        got += reader.feed(stream[start:end])
    assert got == frames
    assert reader.waiting_bytes == 0


def test_byte_by_byte() -> None:
    reader = FrameReader()
    got = []
    for byte in pack_frames([b"one", b"two"]):
        got += reader.feed(bytes((byte,)))
    assert got == [b"one", b"two"]


def test_frames_are_bytes_of_their_own() -> None:
    buffer = bytearray(pack_frames([b"one", b"two"]) + b"\0\0")
    reader = FrameReader()
    frames = reader.feed(memoryview(buffer))  # type: ignore[arg-type]
    buffer[:] = bytes(len(buffer))
    assert frames == [b"one", b"two"]
    assert all(type(frame) is bytes for frame in frames)
    assert reader.feed(b"\0\x03end") == [b"end"]


@given(bodies, st.integers(0, 3))
def test_some_at_a_time(frames: list[bytes], most: int) -> None:
    reader = FrameReader()
    got = reader.feed(pack_frames(frames), most)
    assert got == frames[:most]
    assert reader.waiting_bytes == len(pack_frames(frames[most:]))
    assert got + reader.feed(b"", 2) + reader.feed(b"") == frames


def test_the_limit_may_change_between_two_frames() -> None:
    reader = FrameReader(limit_bytes=4)
    assert reader.feed(pack_frames([b"tiny", b"larger"]), most=1) == [b"tiny"]
    reader.limit_bytes = 6
    assert reader.feed(b"") == [b"larger"]


@pytest.mark.parametrize("length", [0, FRAME_BYTES + 1, 2**31, 2**32 - 1])
def test_a_length_that_no_frame_has(length: int) -> None:
    reader = FrameReader()
    for data in (length.to_bytes(4, "big"), pack_frame(b"x"), b""):
        with pytest.raises(BadFrame, match=str(length)):
            reader.feed(data)
    assert reader.waiting_bytes == 0


def test_a_length_is_checked_before_anything_is_kept() -> None:
    reader = FrameReader()
    reader.feed(pack_frame(b"x") + b"\xff\xff\xff")
    tracemalloc.start()
    try:
        with pytest.raises(BadFrame):
            reader.feed(b"\xff" + bytes(100))
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_the_largest_frame() -> None:
    body = bytes(FRAME_BYTES)
    stream = pack_frame(body)
    reader = FrameReader()
    assert reader.feed(stream) == [body]
    assert reader.feed(stream[:-1]) == []
    assert reader.waiting_bytes == len(stream) - 1
    assert reader.feed(stream[-1:]) == [body]


def test_what_is_no_frame_is_not_packed() -> None:
    for body in (b"", bytes(FRAME_BYTES + 1)):
        with pytest.raises(TooLarge):
            pack_frame(body)
        with pytest.raises(TooLarge):
            pack_frames([b"x", body])
    with pytest.raises(TooLarge):
        pack_frame(b"12345", limit_bytes=4)
    assert pack_frames([]) == b""
    assert pack_frames([b"a", b"bc"]) == pack_frame(b"a") + pack_frame(b"bc") == b"\0\0\0\x01a\0\0\0\x02bc"
