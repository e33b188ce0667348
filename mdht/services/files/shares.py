"""Shares that this node keeps alive: a file in its data directory, whole at any time, or nothing but memory.

The file is a MessagePack list behind its own SHA-256 (FIPS 180-4), written beside its place, synced and renamed
(rename(2)), so a crash leaves the old one or the new one. One that is damaged is set aside and reported.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final

import msgspec

from ipc import sendable

from ...data_dir import reason_of
from ...limits import CLOSEST_PEERS, HASH_BYTES

_log: Final = logging.getLogger(__name__)

SHARES: Final = 1_024
"""Shares that a node keeps alive: their paths and states are some 300 KiB in memory, and at most 5 MiB."""

FILE: Final = "shares"
"""Its name in the data directory."""

_FILE_BYTES: Final = 8 << 20
"""A larger file is none of ours."""

_FORM: Final = "mdht shares 1"

KEPT: Final = "kept"
"""It was stored, or renewed, when it was last tried."""

FAILING: Final = "failing"
"""It could not be renewed: too few peers were there. It is tried again."""

UNREADABLE: Final = "unreadable"
"""Its files cannot be read now, such as those of a disk that is not there. It is tried again."""

CHANGED: Final = "changed"
"""Its files are other ones by now: it is renewed no more, and is gone a day after it was last."""

_Hash = Annotated[bytes, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
_Size = Annotated[int, msgspec.Meta(ge=0)]


@sendable("mdht.kept_share")
@dataclass(frozen=True, slots=True)
class KeptShare:
    """One share. Times are seconds since 1970 UTC."""

    id: _Hash
    path: Annotated[bytes, msgspec.Meta(min_length=1, max_length=4_096)]
    """Absolute, as the file system has it."""
    replicas: Annotated[int, msgspec.Meta(ge=0, le=CLOSEST_PEERS)]
    """As `DoShare` has it."""
    files: _Size
    size_bytes: _Size
    fingerprint: _Hash
    """`Scan.fingerprint`, when it was last read."""
    shared_s: float
    renewed_s: float
    """When all of it was last stored, or found stored."""
    state: str = KEPT
    why: Annotated[str, msgspec.Meta(max_length=5_000)] = ""
    """Of a state that is not `KEPT`."""


_read: Final = msgspec.msgpack.Decoder(tuple[str, list[KeptShare]]).decode
_pack: Final = msgspec.msgpack.Encoder().encode


class ShareFile:
    """The file at `path`; empty: there is none. Its methods block."""

    def __init__(self, path: str) -> None:
        self.path = path

    def load(self) -> list[KeptShare]:
        """What was saved. What cannot be read is told to the log, and set aside where it is damaged."""
        if not self.path:
            return []
        try:
            with open(self.path, "rb") as file:
                data = file.read(_FILE_BYTES + 1)
        except FileNotFoundError:
            return []
        except OSError as error:
            _log.error("shares are not renewed: %s cannot be read: %s", self.path, reason_of(error))
            return []
        try:
            return _unpack(data)
        except ValueError as error:
            aside = f"{self.path}.damaged"
            _log.error("shares are not renewed: %s is damaged (%s); it is kept as %s", self.path, error, aside)
            self._set_aside(aside)
            return []

    def save(self, shares: Iterable[KeptShare]) -> str:
        """Durable when it returns. Gives why it is not, also told to the log; empty: it is."""
        if not self.path:
            return ""
        body = _pack((_FORM, list(shares)))
        fresh = f"{self.path}.{os.getpid()}"
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
                file.write(sha256(body).digest() + body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self.path)
            folder = os.open(os.path.dirname(self.path), os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            why = f"{self.path} cannot be written: {reason_of(error)}"
            _log.error("shares are not remembered over a restart: %s", why)
            return why
        return ""

    def _set_aside(self, aside: str) -> None:
        try:
            os.replace(self.path, aside)
        except OSError as error:
            _log.error("%s cannot be renamed: %s", self.path, reason_of(error))


def _unpack(data: bytes) -> list[KeptShare]:
    """Raises ValueError with what is wrong."""
    if len(data) > _FILE_BYTES:
        raise ValueError(f"more than {_FILE_BYTES:,} bytes")
    body = data[HASH_BYTES:]
    if sha256(body).digest() != data[:HASH_BYTES]:
        raise ValueError("its checksum is wrong")
    form, shares = _read(body)
    if form != _FORM:
        raise ValueError(f"its form is {form!r}, where {_FORM!r} is known here")
    return shares[:SHARES]
