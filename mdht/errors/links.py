"""What goes wrong between this node and a peer: bytes that are no messages, links refused or closed."""

from __future__ import annotations

import enum

from .branches import NotDone, RemoteError
from .text import shown


class Malformed(RemoteError):
    """Bytes from outside that are not the `what` they should be: cut, too long, or of the wrong shape."""

    def __init__(self, what: str = "", reason: str = "") -> None:
        super().__init__(what, reason)
        self.what = what
        self.reason = reason

    def __str__(self) -> str:
        return f"malformed {self.what}: {self.reason}; drop it, or close the link that it came by"


class BadFrame(Malformed):
    """A length that no frame may have. The stream cannot be read on: close the link."""


class BadMessage(Malformed):
    """A frame that is no message of the encoding agreed on. Close the link."""


class Refusal(enum.StrEnum):
    """Why a link is refused; the text is what is sent. A newer peer may send others: they are shown as they are."""

    WRONG_NETWORK = "wrong network"
    NOT_ALLOWED = "not allowed"
    BAD_SIGNATURE = "bad signature"
    TOO_MANY = "too many"
    OWN_ID = "own id"
    OTHER_PEER = "other peer"
    DUPLICATE = "duplicate link"
    NO_VERSION = "no common version"
    NO_ENCODING = "no common encoding"
    TOO_SLOW = "too slow"
    MALFORMED = "malformed"


_ADVICE = {
    Refusal.WRONG_NETWORK: "give both nodes the same network name and secret",
    Refusal.NOT_ALLOWED: "have this id put on the allow list, or taken off the deny list",
    Refusal.BAD_SIGNATURE: "it could not prove the identity that it claimed; check both versions, then distrust it",
    Refusal.TOO_MANY: "try later, or another peer",
    Refusal.OWN_ID: "that is this node, or one with a copy of its identity key; give each node a key of its own",
    Refusal.OTHER_PEER: "somebody else answers at this address; correct the id in front of the @",
    Refusal.DUPLICATE: "use the link that exists",
    Refusal.NO_VERSION: "upgrade the older node",
    Refusal.NO_ENCODING: "name an encoding that both nodes speak",
    Refusal.TOO_SLOW: "the handshake took too long; try again",
    Refusal.MALFORMED: "whatever is there does not speak this protocol; check the port",
}


class LinkRefused(RemoteError):
    """A link did not come about. `reason` is one of `Refusal` as text, or a newer one.

    `who` is the peer's short id or address; `by_us` says which side refused.
    """

    def __init__(self, reason: str = "", who: str = "", by_us: bool = False) -> None:
        super().__init__(str(reason), who, by_us)
        self.reason = str(reason)
        self.who = who
        self.by_us = by_us

    def __str__(self) -> str:
        who = self.who or "a peer"
        said = f"refused {who}" if self.by_us else f"refused by {who}"
        advice = _ADVICE.get(self.reason, "ask its operator")  # type: ignore[call-overload]
        return f"{said}: {shown(self.reason, quotes=False)}; {advice}"


class LinkClosed(NotDone):
    """The link ended before the answer came; whether the request was carried out is unknown."""

    def __init__(self, who: str = "", reason: str = "") -> None:
        super().__init__(who, reason)
        self.who = who
        self.reason = reason

    def __str__(self) -> str:
        return f"the link to {self.who or 'the peer'} closed ({self.reason or 'no reason given'}): dial it again"


class RequestFailed(NotDone):
    """A peer answered a request with an error: `code` is the number sent, `text` what the peer says of it."""

    def __init__(self, code: int = 0, text: str = "", who: str = "") -> None:
        super().__init__(code, text, who)
        self.code = code
        self.text = text
        self.who = who

    def __str__(self) -> str:
        return f"{self.who or 'the peer'} answered error {self.code}, {shown(self.text)}: ask another peer"
