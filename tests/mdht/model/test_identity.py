from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given

from mdht.errors import BadText
from mdht.model import Identity, format_id, parse_id, peer_id, short_id, verify

from .making import ALICE, BOB, ids, vectors


def test_the_id_is_the_hash_of_the_public_key() -> None:
    assert ALICE.id == peer_id(ALICE.public) == sha256(ALICE.public).digest()


def test_vectors() -> None:
    for vector in vectors("identity"):
        identity = Identity.from_seed(bytes.fromhex(vector["seed"]))
        assert identity.public.hex() == vector["public"]
        assert format_id(identity.id) == vector["id"]
        assert identity.to_pem().decode() == vector["pem"]
        assert identity.sign(vector["context"], vector["message"].encode()).hex() == vector["signature"]


def test_round_trips() -> None:
    for again in (Identity.from_pem(ALICE.to_pem()), Identity.from_seed(ALICE.to_seed())):
        assert again == ALICE
        assert hash(again) == hash(ALICE)
    assert ALICE != BOB
    assert ALICE != "alice"


def test_it_signs() -> None:
    verify(ALICE.public, "c", b"m", ALICE.sign("c", b"m"))


def test_repr_shows_the_short_id_only() -> None:
    assert repr(ALICE) == f"<identity {ALICE.id.hex()[:8]}>"


@given(ids)
def test_text_round_trip(peer: bytes) -> None:
    assert parse_id(format_id(peer)) == parse_id(format_id(peer).upper()) == peer
    assert format_id(peer).startswith(short_id(peer))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 characters"),
        ("12345678", "short form"),
        ("0" * 63, "63 characters"),
        ("0" * 65, "65 characters"),
        ("0" * 10 + "g" + "0" * 53, "character 11 is 'g'"),
        (" " + "0" * 63, "character 1 is ' '"),
        ("0" * 63 + "٣", "character 64"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(BadText, match="peer id") as caught:
        parse_id(text)
    assert says in str(caught.value)
