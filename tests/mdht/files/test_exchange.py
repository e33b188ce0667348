"""Records on streams: in any pieces, and whatever else a peer may send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.codec import ErrorCode, Verdict
from mdht.errors import Malformed
from mdht.files import (
    AddressReader,
    PutReader,
    RenewalReader,
    Reply,
    ReplyReader,
    VerdictReader,
    pack_address,
    pack_put,
    pack_renewal,
    pack_reply,
    pack_verdict,
)
from mdht.files.exchange import PutRecord, refusal
from mdht.limits import CONTENT_LEASE_S, RECORD_BYTES

READERS = (PutReader, VerdictReader, ReplyReader)


def read(reader: Any, data: bytes, piece: int) -> list[Any]:
    found: list[Any] = []
    for at in range(0, len(data), piece):
        found += reader.feed_untrusted(data[at : at + piece])
    reader.finish()
    return found


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.integers(0, CONTENT_LEASE_S))), st.integers(1, 60))
def test_puts(records: list[tuple[bytes, int]], piece: int) -> None:
    data = b"".join(pack_put(record, lease_s) for record, lease_s in records)
    assert read(PutReader(), data, piece) == [PutRecord(*one) for one in records]


@given(st.lists(st.sampled_from(list(Verdict))), st.lists(st.text(max_size=30)), st.integers(1, 60))
def test_verdicts(verdicts: list[Verdict], texts: list[str], piece: int) -> None:
    replies = [Reply(False, one, 60) for one in verdicts] + [refusal(ErrorCode.QUOTA, text) for text in texts]
    assert read(VerdictReader(), b"".join(map(pack_verdict, replies)), piece) == replies


def test_what_counts_as_stored() -> None:
    assert Reply(False, Verdict.STORED).stored and Reply(False, Verdict.HELD).stored
    assert not Reply(False, Verdict.SUPERSEDED).stored
    assert not Reply(False, 99).stored, "of a newer peer"
    assert not refusal(ErrorCode.INTERNAL, "").stored, "its code is that of STORED"


@given(st.lists(st.binary(min_size=32, max_size=32)), st.integers(1, 60))
def test_addresses(addresses: list[bytes], piece: int) -> None:
    reader = AddressReader()
    data = b"".join(map(pack_address, addresses))
    found: list[bytes] = []
    for at in range(0, len(data), piece):
        reader.feed_untrusted(data[at : at + piece])
        while (one := reader.next()) is not None:
            found.append(one)
    reader.finish()
    assert found == addresses


@given(st.lists(st.none() | st.binary(min_size=1, max_size=50)), st.integers(1, 60))
def test_replies(records: list[bytes | None], piece: int) -> None:
    assert read(ReplyReader(), b"".join(map(pack_reply, records)), piece) == records


def test_no_address() -> None:
    with pytest.raises(Malformed):
        pack_address(b"short")


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (PutReader, b"\0\0\0\0" + bytes(4)),
        (PutReader, (RECORD_BYTES + 1).to_bytes(4, "big") + bytes(4)),
        (PutReader, b"\xff" * 8),
        (PutReader, b"\0\0\0\1" + (CONTENT_LEASE_S + 1).to_bytes(4, "big")),
        (VerdictReader, b"\2" + bytes(7)),
        (VerdictReader, b"\1\3" + bytes(4) + b"\xff\xff"),
        (ReplyReader, b"\xff" * 4),
        (ReplyReader, (RECORD_BYTES + 1).to_bytes(4, "big")),
    ],
)
def test_sizes_that_nobody_sends(reader: type[Any], data: bytes) -> None:
    with pytest.raises(Malformed):
        reader().feed_untrusted(data)


@pytest.mark.parametrize("reader", (*READERS, AddressReader))
def test_an_end_within_an_item(reader: type[Any]) -> None:
    one = reader()
    one.feed_untrusted(b"\0")
    with pytest.raises(Malformed, match="ends within"):
        one.finish()


@pytest.mark.parametrize("reader", READERS)
@given(data=st.binary(max_size=2000), piece=st.integers(1, 500))
def test_any_bytes(reader: type[Any], data: bytes, piece: int) -> None:
    one = reader()
    try:
        read(one, data, piece)
    except Malformed:
        pass
    assert one.waiting_bytes <= RECORD_BYTES + 8


@given(st.lists(st.integers(0, CONTENT_LEASE_S), max_size=20), st.integers(1, 90), st.integers(1, 7))
def test_renewals(leases: list[int], piece: int, group: int) -> None:
    wanted = [(bytes([number]) * 32, lease_s) for number, lease_s in enumerate(leases)]
    data = b"".join(pack_renewal(*one) for one in wanted)
    reader = RenewalReader()
    found: list[Any] = []
    for at in range(0, len(data), piece):
        reader.feed_untrusted(data[at : at + piece])
        while taken := reader.take(group):
            assert len(taken) <= group
            found += taken
    reader.finish()
    assert found == wanted


def test_renewals_that_are_none() -> None:
    with pytest.raises(Malformed):
        pack_renewal(b"short")
    reader = RenewalReader()
    reader.feed_untrusted(pack_renewal(bytes(32), CONTENT_LEASE_S + 1))
    with pytest.raises(Malformed, match="lease"):
        reader.take(5)
    reader = RenewalReader()
    reader.feed_untrusted(bytes(20))
    assert reader.take(5) == []
    with pytest.raises(Malformed, match="20 bytes"):
        reader.finish()
