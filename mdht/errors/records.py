"""Records and identities that cannot be made, and those that came and are not what they claim to be."""

from __future__ import annotations

from .branches import LocalError, RemoteError
from .text import shown


class BadKey(LocalError, ValueError):
    """What was given as a private key is none. Neither the key nor a part of it is kept in the error."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not an identity key: {self.reason}"


class BadRecord(LocalError, ValueError):
    """A record or peer record that nobody would accept was to be made. `field` is what was wrong in it."""

    def __init__(self, field: str = "", reason: str = "") -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"the record's {self.field}: {self.reason}"


class Rejected(RemoteError):
    """Something signed, or named by its hash, that is not what it claims to be. Do not use, keep or pass it on."""


class BadSignature(Rejected):
    """The signature over `what` is not by the key that it claims: forged, changed, or of another network or kind."""

    def __init__(self, what: str = "") -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"bad signature of {self.what}: drop it, and trust its sender less"


class OtherNetwork(Rejected):
    """It was signed for the network `theirs`; this is `ours`."""

    def __init__(self, theirs: str = "", ours: str = "") -> None:
        super().__init__(theirs, ours)
        self.theirs = theirs
        self.ours = ours

    def __str__(self) -> str:
        return f"signed for the network {shown(self.theirs)}, not for {shown(self.ours)}: drop it"


class OtherKind(Rejected):
    """A record of the kind `kind` (its number), where that kind is unknown or not possible. `reason` says which."""

    def __init__(self, kind: int = 0, reason: str = "") -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason

    def __str__(self) -> str:
        return f"record of kind {self.kind}: {self.reason}"


class Expired(Rejected):
    """Its time is over (both in seconds since 1970, UTC)."""

    def __init__(self, expires_s: int = 0, now_s: float = 0.0) -> None:
        super().__init__(expires_s, now_s)
        self.expires_s = expires_s
        self.now_s = now_s

    def __str__(self) -> str:
        ago = self.now_s - self.expires_s
        return f"expired {ago:.0f} s ago: its owner must sign it again (or this clock is wrong)"


class FarFuture(Rejected):
    """It claims to live longer than anything may: `expires_s` is after `latest_s` (seconds since 1970, UTC)."""

    def __init__(self, expires_s: int = 0, latest_s: float = 0.0) -> None:
        super().__init__(expires_s, latest_s)
        self.expires_s = expires_s
        self.latest_s = latest_s

    def __str__(self) -> str:
        beyond = self.expires_s - self.latest_s
        return f"expires {beyond:.0f} s later than is allowed: its owner must sign it for less (or this clock is wrong)"


class Oversized(Rejected):
    """A part of it is larger than the protocol allows."""

    def __init__(self, what: str = "", size_bytes: int = 0, limit_bytes: int = 0) -> None:
        super().__init__(what, size_bytes, limit_bytes)
        self.what = what
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        return f"{self.what} of {self.size_bytes} bytes, where {self.limit_bytes} are allowed: drop it"


class NotAskedFor(Rejected):
    """It is valid, or may be, but not what was asked for: its address is `got`, not `asked` (32 bytes each)."""

    def __init__(self, asked: bytes = b"", got: bytes = b"") -> None:
        super().__init__(asked, got)
        self.asked = asked
        self.got = got

    def __str__(self) -> str:
        return f"asked for {self.asked.hex()[:16]}…, got {self.got.hex()[:16]}…: drop it, and ask another peer"
