"""Ed25519 signatures (RFC 8032) behind one small interface: the only module that knows the cryptographic libraries.

Keys are read, written and used by OpenSSL (`cryptography`); signatures are checked by libsodium (`PyNaCl`), which takes
38 µs where OpenSSL takes 60, and every replica checks every record.

Whatever is signed begins with a *context*, a text that says what the signature is for, and a zero byte. A signature
made for one purpose is therefore worth nothing for another (as contexts in RFC 8032, section 5.1, which few libraries
offer for plain Ed25519). A context contains no zero byte, so no two contexts can be confused.

Keys, ids and signatures are plain `bytes` everywhere else.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from nacl.bindings import crypto_sign_open
from nacl.exceptions import CryptoError

from ..errors import BadKey, BadSignature
from ..limits import KEY_SEED_BYTES, PUBLIC_KEY_BYTES, SIGNATURE_BYTES


class SigningKey:
    """A private key. It is neither shown, compared, copied nor sent; `public` is its public key, 32 bytes."""

    __slots__ = ("_key", "_sign", "public")

    def __init__(self, seed: bytes) -> None:
        """From 32 random bytes, which are the private key. Raises BadKey where they are not 32 bytes."""
        if not isinstance(seed, bytes) or len(seed) != KEY_SEED_BYTES:
            raise BadKey(f"a seed is {KEY_SEED_BYTES} random bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._sign = self._key.sign
        self.public: bytes = self._key.public_key().public_bytes_raw()

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """From an unencrypted PKCS #8 PEM (RFC 8410). Raises BadKey."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
            raise BadKey("it must be one unencrypted PEM block, BEGIN PRIVATE KEY") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise BadKey("the PEM holds a key of another algorithm; an identity key is Ed25519")
        return cls(key.private_bytes_raw())

    def to_pem(self) -> bytes:
        """The private key as unencrypted PKCS #8 PEM: to be written where nobody else can read it."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def to_seed(self) -> bytes:
        """The private key as the 32 bytes that it was made from."""
        return self._key.private_bytes_raw()

    def sign(self, context: str, message: bytes) -> bytes:
        """The signature, 64 bytes, over `context`, a zero byte and `message`."""
        return self._sign(context.encode() + b"\0" + message)

    def __reduce__(self) -> str:
        raise TypeError("a private key is not copied or sent; write it with to_pem()")

    def __repr__(self) -> str:
        return f"<signing key of {self.public.hex()[:8]}>"


def verify(public: bytes, context: str, message: bytes, signature: bytes) -> None:
    """Check the `signature` by the key `public` over `context`, a zero byte and `message`.

    Raises BadSignature, which names the context, where it is wrong in any way: also where `public` is no key or a
    `WEAK` one, or a length is wrong. 40 µs.
    """
    if len(public) == PUBLIC_KEY_BYTES and len(signature) == SIGNATURE_BYTES and public not in WEAK:
        try:
            crypto_sign_open(b"".join((signature, context.encode(), b"\0", message)), public)
            return
        except CryptoError:
            pass
    raise BadSignature(context)


WEAK: Final = frozenset(
    bytes.fromhex(y[:62] + f"{int(y[62:], 16) | sign:02x}")
    for y in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
    for sign in (0x00, 0x80)
)
"""Public keys of small order, for which anybody can make signatures that fit many messages. (The same points, with
either sign, that libsodium's `ge25519_has_small_order` refuses.)
"""
