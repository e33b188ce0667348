"""Who a peer is: its Ed25519 key, and its id, the SHA-256 of the public key.

An id is 32 `bytes`; it is written as 64 hexadecimal digits, as `sha256sum` does, and in logs by the first eight.
Reading and writing the file of a key, and the random bytes for a new one, are the caller's.
"""

from __future__ import annotations

from hashlib import sha256
from string import hexdigits
from typing import Final

from ..errors import BadText
from ..limits import HASH_BYTES
from .keys import SigningKey

_DIGITS: Final = 2 * HASH_BYTES


class Identity:
    """A peer's own identity: its `id` and `public` key (32 bytes each), and the private key, which signs.

    Two are equal where they have the same key. It cannot be copied or sent: only one service holds it.
    """

    __slots__ = ("_key", "id", "public")

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.public: bytes = key.public
        self.id: bytes = peer_id(key.public)

    @classmethod
    def from_seed(cls, seed: bytes) -> Identity:
        """From 32 random bytes, which become the private key. Raises BadKey."""
        return cls(SigningKey(seed))

    @classmethod
    def from_pem(cls, pem: bytes) -> Identity:
        """From what `to_pem` gave. Raises BadKey."""
        return cls(SigningKey.from_pem(pem))

    def to_pem(self) -> bytes:
        """The private key as PKCS #8 PEM, unencrypted: write it where nobody else can read it."""
        return self._key.to_pem()

    def to_seed(self) -> bytes:
        """The private key, 32 bytes."""
        return self._key.to_seed()

    def sign(self, context: str, message: bytes) -> bytes:
        """The signature, 64 bytes, over `context`, a zero byte and `message`; `keys.verify` checks it."""
        return self._key.sign(context, message)

    def __eq__(self, other: object) -> bool:
        return self.public == other.public if isinstance(other, Identity) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.public)

    def __repr__(self) -> str:
        return f"<identity {short_id(self.id)}>"


def peer_id(public: bytes) -> bytes:
    """The id of the peer with this public key."""
    return sha256(public).digest()


def short_id(peer: bytes) -> str:
    """An id's first eight digits, for logs. They may collide, so nothing is ever looked up by them."""
    return peer[:4].hex()


def format_id(peer: bytes) -> str:
    """An id as text, for `parse_id`: 64 lower-case hexadecimal digits."""
    return peer.hex()


def parse_id(text: str) -> bytes:
    """The id written as `text`, in either case. Raises BadText, which says what is wrong with it."""
    if len(text) != _DIGITS:
        short = "; the short form of a log is not enough" if len(text) == 8 else ""
        raise BadText("peer id", text, f"{len(text)} characters, where {_DIGITS} hexadecimal digits are needed{short}")
    for at, char in enumerate(text):
        if char not in hexdigits:
            raise BadText("peer id", text, f"character {at + 1} is {char!r}, no hexadecimal digit")
    return bytes.fromhex(text)
