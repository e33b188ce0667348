from __future__ import annotations

import dataclasses

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
    OtherNetwork,
    Oversized,
    Rejected,
    RemoteError,
    TooLarge,
)
from mdht.model import Address, Identity, PeerRecord, verify

from .making import ALICE, BOB, NETWORK, NOW_S, mutated, peer, peer_records, relaxed, vectors


@given(peer_records())
@relaxed
def test_round_trip(record: PeerRecord) -> None:
    again = PeerRecord.unpack(record.pack())
    assert again == record
    assert again.pack() == record.pack()
    again.verify(NETWORK, NOW_S)


def test_vectors() -> None:
    for vector in vectors("peer"):
        packed = bytes.fromhex(vector["packed"])
        record = PeerRecord.sign(
            Identity.from_seed(bytes.fromhex(vector["seed"])),
            vector["network"],
            sequence=vector["sequence"],
            expires_s=vector["expires_s"],
            now_s=vector["expires_s"] - 1,
            addresses=[Address(*address) for address in vector["addresses"]],
            capabilities=vector["capabilities"],
            attributes={name: bytes.fromhex(value) for name, value in vector["attributes"].items()},
        )
        assert record.pack().hex() == vector["packed"]
        assert record.id.hex() == vector["id"]
        assert PeerRecord.unpack(packed) == record
        record.verify(vector["network"], vector["expires_s"] - 1)
        verify(record.public, "mdht peer 1", packed[:-64], packed[-64:])


@given(st.data())
@relaxed
def test_no_changed_bit_passes(data: st.DataObject) -> None:
    packed = peer().pack()
    changed = data.draw(mutated(packed))
    if changed == packed:
        return
    with pytest.raises(RemoteError):
        PeerRecord.unpack(changed).verify(NETWORK, NOW_S)


@given(st.binary(max_size=300))
def test_garbage_is_malformed(data: bytes) -> None:
    with pytest.raises(RemoteError):
        PeerRecord.unpack(b"\x01" + data).verify(NETWORK, NOW_S)


def test_every_way_to_be_wrong_has_its_error() -> None:
    record = peer()
    with pytest.raises(OtherNetwork) as network:
        record.verify("other", NOW_S)
    assert (network.value.theirs, network.value.ours) == (NETWORK, "other")
    with pytest.raises(Expired):
        record.verify(NETWORK, record.expires_s)
    record.verify(NETWORK, record.expires_s - limits.EXPIRES_S - limits.EXPIRES_SLACK_S)
    with pytest.raises(FarFuture):
        record.verify(NETWORK, record.expires_s - limits.EXPIRES_S - limits.EXPIRES_SLACK_S - 1)
    for change in (
        {"sequence": 2},
        {"expires_s": record.expires_s + 1},
        {"addresses": ()},
        {"capabilities": ()},
        {"attributes": ()},
        {"public": BOB.public},
        {"signature": bytes(64)},
    ):
        with pytest.raises(BadSignature):
            dataclasses.replace(record, **change).verify(NETWORK, NOW_S)
    with pytest.raises(BadSignature):
        dataclasses.replace(record, network="other").verify("other", NOW_S)


def test_forms_that_are_refused() -> None:
    record = peer()
    double = (record.addresses[0], record.addresses[0])
    many = tuple(Address("tcp", "a", port) for port in range(1, 10))
    for changed, says in (
        (dataclasses.replace(record, sequence=0), "begin at 1"),
        (dataclasses.replace(record, addresses=double), "twice"),
        (dataclasses.replace(record, addresses=many), "list of 9"),
        (dataclasses.replace(record, capabilities=("store", "relay")), "rising"),
        (dataclasses.replace(record, capabilities=("store", "store")), "rising"),
        (dataclasses.replace(record, capabilities=("Store",)), "capability"),
        (dataclasses.replace(record, attributes=(("b", b""), ("a", b""))), "rising"),
        (dataclasses.replace(record, attributes=(("a", b""), ("a", b"1"))), "rising"),
        (dataclasses.replace(record, attributes=(("a", bytes(1025)),)), "1025 bytes"),
        (dataclasses.replace(record, network="a b"), "network name"),
    ):
        with pytest.raises(Malformed, match=says):
            PeerRecord.unpack(changed.pack())
    with pytest.raises(Malformed, match="form 2"):
        PeerRecord.unpack(b"\x02" + record.pack()[1:])
    with pytest.raises(Malformed, match="1 bytes too many"):
        PeerRecord.unpack(record.pack() + b"\0")
    with pytest.raises(Oversized):
        PeerRecord.unpack(bytes(limits.PEER_RECORD_BYTES + 1))


def test_what_every_peer_would_refuse_is_not_signed() -> None:
    def sign(**changes: object) -> PeerRecord:
        arguments: dict[str, object] = {"sequence": 1, "expires_s": int(NOW_S) + 60, "now_s": NOW_S, **changes}
        return PeerRecord.sign(ALICE, str(arguments.pop("network", NETWORK)), **arguments)  # type: ignore[arg-type]

    for error, changes in (
        (BadText, {"network": "a b"}),
        (BadText, {"capabilities": ["A"]}),
        (BadText, {"attributes": {"A": b""}}),
        (BadRecord, {"sequence": 0}),
        (BadRecord, {"sequence": 2**63}),
        (BadRecord, {"expires_s": int(NOW_S)}),
        (BadRecord, {"expires_s": int(NOW_S) + limits.EXPIRES_S + 1}),
        (BadRecord, {"addresses": [Address("tcp", "a", port) for port in range(1, 10)]}),
        (BadRecord, {"capabilities": [f"c{n}" for n in range(33)]}),
        (BadRecord, {"attributes": {f"a{n}": b"" for n in range(17)}}),
        (TooLarge, {"attributes": {"a": bytes(1025)}}),
        (TooLarge, {"attributes": {"a": bytes(1024), "b": bytes(1024)}}),
    ):
        with pytest.raises(error):
            sign(**changes)
    assert sign(addresses=[Address("tcp", "a", 1)] * 20).addresses == (Address("tcp", "a", 1),)


def test_attributes() -> None:
    assert peer().attribute("name") == b"alice"
    assert peer().attribute("none") is None


def test_supersedes() -> None:
    first, second = peer(sequence=1), peer(sequence=2)
    assert second.supersedes(first)
    assert not first.supersedes(second)
    assert not first.supersedes(first)
    later = peer(sequence=1, expires_s=first.expires_s + 1)
    assert later.supersedes(first)
    assert not first.supersedes(later)
    other = peer(sequence=1, port=7001)
    assert other.supersedes(first) != first.supersedes(other)


def test_str_is_for_logs() -> None:
    assert str(peer()) == f"peer {ALICE.id.hex()[:8]} at 192.0.2.1:7000, [2001:db8::1]:7000"


def test_a_weak_key_signs_nothing() -> None:
    neutral = (1).to_bytes(32, "little")
    with pytest.raises(Rejected):
        dataclasses.replace(peer(), public=neutral, signature=neutral + bytes(32)).verify(NETWORK, NOW_S)
