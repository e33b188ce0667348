"""What can go wrong on a link, besides what `mdht.errors` has for it.

| from `mdht.errors` | when |
|---|---|
| `LinkRefused` | one side refused the other; `by_us` says which |
| `BadFrame`, `BadMessage` | what came on a link cannot be read |
| `LinkClosed`, `TimedOut` | a request or stream ended without its answer |
| `WrongState` | we called something too early or too late |
"""

from __future__ import annotations

from ..errors import NotDone, RemoteError


class TlsFailed(RemoteError):
    """The bytes of the peer are not TLS, were changed on their way, or end early. `reason` is OpenSSL's wording."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"TLS failed ({self.reason}): check the port, then who is in between"


class TlsTooOld(TlsFailed):
    """The peer speaks no TLS 1.3."""

    def __str__(self) -> str:
        return f"the peer speaks no TLS 1.3 ({self.reason}): it is no peer of ours, or must be upgraded"


class Violation(RemoteError):
    """The peer sent what no peer of this version sends: `rule` is what it broke."""

    def __init__(self, rule: str = "") -> None:
        super().__init__(rule)
        self.rule = rule

    def __str__(self) -> str:
        return f"the peer broke a rule: {self.rule}"


class PeerSilent(RemoteError, TimeoutError):
    """The peer sent nothing for `seconds`, though it was pinged."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"the peer sent nothing for {self.seconds:g} s, though it was pinged"


class PeerGone(RemoteError):
    """The connection ended without a goodbye."""

    def __str__(self) -> str:
        return "the connection ended without a goodbye: dial again"


class PeerLeft(RemoteError):
    """The peer said goodbye, for this `reason`."""

    def __init__(self, reason: str = "", text: str = "") -> None:
        super().__init__(reason, text)
        self.reason = reason
        self.text = text

    def __str__(self) -> str:
        return f"the peer said goodbye: {self.reason}" + (f" ({self.text})" if self.text else "")


class LinkFull(NotDone):
    """As much waits on this link as may: `what` is requests, streams or bytes, `limit` how many of them."""

    def __init__(self, what: str = "", limit: int = 0) -> None:
        super().__init__(what, limit)
        self.what = what
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.limit:,} {self.what} wait on this link already: wait for Writable or an answer"
