"""What is signed, and what is authenticated by a private network's secret, in the handshake.

- A signature (Ed25519, RFC 8032) is over `"mdht link 1 " + role + "\\0"`, the exporter of the TLS session, and the
  SHA-256 of all frames of the handshake so far, the one that carries it included up to its signature. The role keeps a
  signature of one side from being shown as the other's; the exporter keeps it from being shown in another session; the
  hash keeps anything else from being changed.
- A mac is `HMAC-SHA256(secret, role + "\\0" ‖ exporter ‖ rest of the frame)` (RFC 2104): who does not know the secret
  cannot make one, and one from another session, direction or frame fits nowhere else.

In the hash each frame is preceded by its length (u32, big-endian), so no two lists of frames look alike.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum


class Role(Enum):
    """Which side of a link: its value is what signatures and macs name."""

    DIAL = "dial"
    ANSWER = "answer"

    @property
    def other(self) -> Role:
        """The peer's."""
        return Role.ANSWER if self is Role.DIAL else Role.DIAL

    @property
    def context(self) -> str:
        """What this side's signatures are for."""
        return f"mdht link 1 {self.value}"


class Transcript:
    """All frames of one handshake so far, as their hash, within one TLS session."""

    __slots__ = ("_exporter", "_hash")

    def __init__(self, exporter: bytes) -> None:
        self._exporter = exporter
        self._hash = hashlib.sha256()

    def add(self, frame: bytes) -> None:
        """A frame that was sent or received, whole."""
        self._hash.update(len(frame).to_bytes(4, "big") + frame)

    def to_sign(self, unsigned: bytes) -> bytes:
        """What is signed besides the context, where `unsigned` is the present frame up to its signature."""
        now = self._hash.copy()
        now.update(len(unsigned).to_bytes(4, "big") + unsigned)
        return self._exporter + now.digest()


def mac_of(secret: bytes, role: Role, exporter: bytes, rest: bytes) -> bytes:
    """The mac of a frame that `role` sends, where `rest` is the frame without it; empty in a public network."""
    if not secret:
        return b""
    return hmac.digest(secret, role.value.encode() + b"\0" + exporter + rest, "sha256")


def mac_fits(secret: bytes, role: Role, exporter: bytes, rest: bytes, mac: bytes) -> bool:
    """Whether the mac of a frame from `role` is right: in a public network there may be none. In constant time."""
    return hmac.compare_digest(mac_of(secret, role, exporter, rest), mac)
