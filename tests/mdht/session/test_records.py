from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mdht.session.records import RECORD_BYTES, RecordCounter


def record(size: int) -> bytes:
    return b"\x17\x03\x03" + size.to_bytes(2, "big") + bytes(size)


@given(st.lists(st.integers(1, 300), max_size=8), st.lists(st.integers(1, 200), max_size=20))
def test_counts_the_same_however_it_is_cut(sizes: list[int], cuts: list[int]) -> None:
    stream = b"".join(map(record, sizes))
    counter = RecordCounter()
    ended = at = 0
    for cut in [*cuts, len(stream)]:
        ended += counter.feed_untrusted(stream[at : at + cut])
        at += cut
    assert ended == len(sizes)


def test_impossible_lengths() -> None:
    for size in (0, RECORD_BYTES + 1, 65535):
        head = b"\x17\x03\x03" + size.to_bytes(2, "big")
        assert RecordCounter().feed_untrusted(head) == -1
        counter = RecordCounter()
        assert counter.feed_untrusted(head[:4]) == 0
        assert counter.feed_untrusted(head[4:]) == -1
    assert RecordCounter().feed_untrusted(record(RECORD_BYTES)) == 1
