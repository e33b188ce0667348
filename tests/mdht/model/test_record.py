from __future__ import annotations

import dataclasses
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht import limits
from mdht.errors import (
    BadRecord,
    BadSignature,
    BadText,
    Expired,
    FarFuture,
    Malformed,
    NotAskedFor,
    OtherKind,
    OtherNetwork,
    Oversized,
    RemoteError,
    TooLarge,
)
from mdht.model import Content, Identity, Kind, Record, Signed, address_of, content_key, unpack, verify
from mdht.model.record import CONTEXT, TOMBSTONE_HASH

from .making import ALICE, BOB, NETWORK, NOW_S, mutated, relaxed, signed, signed_records, vectors


@given(signed_records())
@relaxed
def test_signed_round_trip(record: Signed) -> None:
    again = unpack(record.pack())
    assert again == record
    assert again.pack() == record.pack()
    again.verify(NETWORK, NOW_S, record.address)


@given(st.binary(max_size=300))
def test_content_round_trip(value: bytes) -> None:
    record = Content.make(value)
    assert unpack(record.pack()) == unpack(memoryview(record.pack())) == record
    record.verify(NETWORK, NOW_S, record.address)
    assert record.address == address_of(Kind.CONTENT, content_key(value))


def test_the_largest_records_round_trip() -> None:
    value = bytes(limits.VALUE_BYTES)
    largest = signed(network="n" * 64, key=bytes(limits.KEY_BYTES), value=value)
    assert len(largest.pack()) == limits.RECORD_BYTES
    records: list[Record] = [largest, Content.make(value), signed(key=b"", value=b"")]
    for record in records:
        assert unpack(record.pack()) == record


def test_vectors() -> None:
    """The forms are put together here once more, as the module's head describes them."""
    for vector in vectors("record"):
        packed = bytes.fromhex(vector["packed"])
        value = None if vector["value"] is None else bytes.fromhex(vector["value"])
        kind, key = Kind(vector["kind"]), bytes.fromhex(vector["key"])
        record = unpack(packed)
        assert record.kind == kind
        assert record.key == key
        assert record.value == value
        assert record.address.hex() == vector["address"]
        where = b"mdht address 1\0" + bytes((kind,)) + len(key).to_bytes(2, "big") + key
        if isinstance(record, Content):
            assert value is not None
            assert packed == Content.make(value).pack() == b"\x01" + value
            assert key == sha256(value).digest()
            assert record.address == sha256(where).digest()
            continue
        identity = Identity.from_seed(bytes.fromhex(vector["seed"]))
        assert record.address == sha256(where + (identity.public if kind == Kind.OWNED else b"")).digest()
        network, sequence, expires_s = vector["network"], vector["sequence"], vector["expires_s"]
        made = Signed.sign(
            identity, network, kind, key, value, sequence=sequence, expires_s=expires_s, now_s=expires_s - 1
        )
        assert made == record
        assert made.pack() == packed
        record.verify(network, expires_s - 1, record.address)
        over = (
            bytes((len(network),))
            + network.encode()
            + bytes((kind,))
            + len(key).to_bytes(2, "big")
            + key
            + identity.public
            + sequence.to_bytes(8, "big")
            + expires_s.to_bytes(8, "big")
            + (b"\xff" * 32 if value is None else sha256(value).digest())
        )
        assert over.hex() == vector["signed"]
        verify(identity.public, "mdht record 1", over, bytes.fromhex(vector["signature"]))
        assert packed == (
            bytes((kind + (128 if value is None else 0), len(network)))
            + len(key).to_bytes(2, "big")
            + identity.public
            + sequence.to_bytes(8, "big")
            + expires_s.to_bytes(8, "big")
            + record.signature
            + network.encode()
            + key
            + (value or b"")
        )


@given(st.data(), signed_records() | st.binary(max_size=100).map(Content))
@relaxed
def test_no_changed_bit_passes(data: st.DataObject, record: Record) -> None:
    packed = record.pack()
    changed = data.draw(mutated(packed))
    if changed == packed:
        return
    with pytest.raises(RemoteError):
        unpack(changed).verify(NETWORK, NOW_S, record.address)


@given(st.integers(0, 255), st.binary(max_size=300))
def test_garbage_is_a_remote_error(form: int, data: bytes) -> None:
    if form == Kind.CONTENT:
        return
    with pytest.raises(RemoteError):
        unpack(bytes((form,)) + data).verify(NETWORK, NOW_S)


def test_addresses_differ_by_kind_key_and_owner() -> None:
    addresses = {
        address_of(Kind.CONTENT, b"k" * 32),
        address_of(Kind.OPEN, b"k" * 32),
        address_of(Kind.OWNED, b"k" * 32, ALICE.public),
        address_of(Kind.OWNED, b"k" * 32, BOB.public),
        address_of(Kind.OPEN, b"k" * 32 + ALICE.public),
        address_of(Kind.OPEN, b""),
    }
    assert len(addresses) == 6
    assert address_of(Kind.OPEN, b"k", ALICE.public) == address_of(Kind.OPEN, b"k", BOB.public)
    with pytest.raises(BadRecord):
        address_of(Kind.OWNED, b"k")


def test_content_has_no_network_and_no_time() -> None:
    Content.make(b"v").verify("any", 0.0)
    Content.make(b"v").verify("other", 1e12)


def test_every_way_to_be_wrong_has_its_error() -> None:
    record = signed()
    asked = record.address
    with pytest.raises(OtherNetwork) as network:
        record.verify("other", NOW_S)
    assert (network.value.theirs, network.value.ours) == (NETWORK, "other")
    with pytest.raises(BadSignature):
        dataclasses.replace(record, network="other").verify("other", NOW_S)
    record.verify(NETWORK, record.expires_s - 0.5)
    with pytest.raises(Expired):
        record.verify(NETWORK, record.expires_s)
    latest_s = record.expires_s - limits.EXPIRES_S - limits.EXPIRES_SLACK_S
    record.verify(NETWORK, latest_s)
    with pytest.raises(FarFuture):
        record.verify(NETWORK, latest_s - 1)
    with pytest.raises(NotAskedFor) as got:
        record.verify(NETWORK, NOW_S, bytes(32))
    assert (got.value.asked, got.value.got) == (bytes(32), asked)
    with pytest.raises(NotAskedFor):
        Content.make(b"v").verify(NETWORK, NOW_S, asked)
    with pytest.raises(OtherKind):
        dataclasses.replace(record, kind=Kind.CONTENT).verify(NETWORK, NOW_S)
    with pytest.raises(BadSignature):
        dataclasses.replace(record, kind=Kind.OPEN).verify(NETWORK, NOW_S)
    with pytest.raises(NotAskedFor):
        dataclasses.replace(record, kind=Kind.OPEN).verify(NETWORK, NOW_S, asked)
    for change in (
        {"key": b"other"},
        {"owner": BOB.public},
        {"value": b"other"},
        {"value": None},
        {"sequence": 2},
        {"expires_s": record.expires_s + 1},
        {"signature": bytes(64)},
        {"signature": b""},
    ):
        with pytest.raises(BadSignature):
            dataclasses.replace(record, **change).verify(NETWORK, NOW_S)


def test_too_large() -> None:
    for record in (
        dataclasses.replace(signed(), value=bytes(limits.VALUE_BYTES + 1)),
        dataclasses.replace(signed(), key=bytes(limits.KEY_BYTES + 1)),
        Content(bytes(limits.VALUE_BYTES + 1)),
    ):
        with pytest.raises(Oversized):
            record.verify(NETWORK, NOW_S)
        with pytest.raises(Oversized):
            unpack(record.pack())


def test_forms_that_are_refused() -> None:
    packed = signed().pack()
    deleted = signed(value=None).pack()
    for data, says in (
        (b"", "empty"),
        (packed[:115], "head"),
        (packed[: limits.RECORD_HEAD_BYTES + 3], "network and key"),
        (deleted + b"v", "a tombstone has no value"),
        (dataclasses.replace(signed(), sequence=0).pack(), "sequence 0"),
        (dataclasses.replace(signed(), sequence=2**63).pack(), "sequence"),
        (dataclasses.replace(signed(), expires_s=2**63).pack(), "expiry"),
        (dataclasses.replace(signed(), network="a b").pack(), "network"),
        (dataclasses.replace(signed(), network="").pack(), "network"),
        (packed.replace(NETWORK.encode(), NETWORK.encode()[:-1] + b"\xff"), "network"),
    ):
        with pytest.raises(Malformed, match=says):
            unpack(data)


@pytest.mark.parametrize("form", [0, 4, 0x7F, 0x80, 0x81, 0x84, 0xFF])
def test_unknown_kinds(form: int) -> None:
    with pytest.raises(OtherKind) as caught:
        unpack(bytes((form,)) + signed().pack()[1:])
    assert caught.value.kind == form


def test_what_every_peer_would_refuse_is_not_signed() -> None:
    def sign(
        network: str = NETWORK, kind: Kind = Kind.OWNED, key: bytes = b"k", value: bytes = b"v", **changes: int
    ) -> None:
        numbers = {"sequence": 1, "expires_s": int(NOW_S) + 60, **changes}
        Signed.sign(ALICE, network, kind, key, value, now_s=NOW_S, **numbers)

    sign(expires_s=int(NOW_S) + limits.EXPIRES_S)
    changes: tuple[dict[str, int], ...] = (
        {"sequence": 0},
        {"sequence": 2**63},
        {"expires_s": int(NOW_S)},
        {"expires_s": int(NOW_S) + limits.EXPIRES_S + 1},
    )
    for change in changes:
        with pytest.raises(BadRecord):
            sign(**change)  # type: ignore[arg-type]
    with pytest.raises(BadRecord):
        sign(kind=Kind.CONTENT)
    with pytest.raises(BadText):
        sign(network="")
    with pytest.raises(TooLarge):
        sign(key=bytes(limits.KEY_BYTES + 1))
    with pytest.raises(TooLarge):
        sign(value=bytes(limits.VALUE_BYTES + 1))
    with pytest.raises(TooLarge):
        Content.make(bytes(limits.VALUE_BYTES + 1))


def test_a_tombstone_is_no_empty_value() -> None:
    deleted, empty = signed(value=None), signed(value=b"")
    assert deleted.is_tombstone and not empty.is_tombstone
    assert deleted.value_hash == TOMBSTONE_HASH
    assert deleted.address == empty.address
    assert deleted.pack() != empty.pack()
    with pytest.raises(BadSignature):
        dataclasses.replace(empty, value=None).verify(NETWORK, NOW_S)


def test_a_signature_for_something_else_is_none_for_a_record() -> None:
    record = signed()
    other = dataclasses.replace(record, signature=ALICE.sign("mdht peer 1", record._signed_bytes()))
    with pytest.raises(BadSignature) as caught:
        other.verify(NETWORK, NOW_S)
    assert caught.value.what == CONTEXT
