from __future__ import annotations

import copy
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from mdht.errors import BadKey, BadSignature
from mdht.model import SigningKey, verify
from mdht.model.keys import WEAK

from .making import relaxed

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def key() -> SigningKey:
    return SigningKey(bytes(range(32)))


def test_rfc_8032_public_key() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert SigningKey(seed).public == public


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20), st.binary(max_size=100))
@relaxed
def test_what_is_signed_verifies(context: str, message: bytes) -> None:
    verify(key().public, context, message, key().sign(context, message))


def test_a_signature_is_for_its_context_message_and_key_only() -> None:
    signature = key().sign("mdht a", b"message")
    other = SigningKey(bytes(32)).public
    for public, context, message in (
        (key().public, "mdht b", b"message"),
        (key().public, "mdht ", b"a\0message"),
        (key().public, "mdht a", b"messag"),
        (other, "mdht a", b"message"),
    ):
        with pytest.raises(BadSignature) as caught:
            verify(public, context, message, signature)
        assert caught.value.what == context


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_public_key_of_another_size_verifies_nothing(size: int) -> None:
    with pytest.raises(BadSignature):
        verify(bytes(size), "c", b"m", bytes(64))


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_of_another_size_verifies_nothing(size: int) -> None:
    with pytest.raises(BadSignature):
        verify(key().public, "c", b"m", bytes(size))


def test_weak_keys_are_all_of_small_order() -> None:
    """Eight times the point is the neutral one: checked by the curve's own arithmetic (RFC 8032, 5.1.4)."""
    for raw in WEAK:
        y = (int.from_bytes(raw, "little") & (2**255 - 1)) % P
        u, v = (y * y - 1) % P, (D * y * y + 1) % P
        x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
        if (v * x * x - u) % P:
            x = x * pow(2, (P - 1) // 4, P) % P
        assert (v * x * x - u) % P == 0, "no point of the curve"
        for _ in range(3):
            x, y = double(x, y)
        assert (x, y) == (0, 1)


def double(x: int, y: int) -> tuple[int, int]:
    product = D * x * x * y * y % P
    return 2 * x * y * pow(1 + product, -1, P) % P, (y * y + x * x) * pow(1 - product, -1, P) % P


def test_a_signature_that_fits_a_weak_key_is_refused() -> None:
    """R is the neutral point and S is 0: the library takes it for every message under the neutral key."""
    neutral = (1).to_bytes(32, "little")
    assert neutral in WEAK
    with pytest.raises(BadSignature):
        verify(neutral, "c", b"m", neutral + bytes(32))


def test_pem_round_trip() -> None:
    pem = key().to_pem()
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert SigningKey.from_pem(pem).to_seed() == key().to_seed() == bytes(range(32))


def test_pems_of_other_things_are_refused() -> None:
    encrypted = load_pem_private_key(key().to_pem(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    other = x25519.X25519PrivateKey.from_private_bytes(bytes(range(32))).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for pem in (b"", b"nonsense", key().to_pem()[:60], encrypted, other):
        with pytest.raises(BadKey):
            SigningKey.from_pem(pem)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33), bytearray(32), "x" * 32])
def test_a_seed_is_32_bytes(seed: bytes) -> None:
    with pytest.raises(BadKey):
        SigningKey(seed)


def test_a_private_key_does_not_leave() -> None:
    assert key().to_seed().hex() not in repr(key())
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(key())
