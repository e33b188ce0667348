"""Every error that `mdht` raises, under one root and in three branches.

| branch | means | what to do |
|---|---|---|
| `LocalError` | you broke the rule: an argument, a file, an order of calls | correct it; nothing was sent |
| `RemoteError` | they broke the rule: bytes, a signature, a promise | close the link or drop the answer; count it |
| `NotDone` | nobody broke a rule; it could not be done | later, elsewhere, or with less |

The split of the first two is h11's; a full store fits neither, and closes no link.

Data lives in attributes, all of them plain values (str, int, float, bytes, tuples of these), so every error can cross a
channel as its own type. The sentence is in `str()`, and says what to do.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from shlex import quote


class MdhtError(Exception):
    """The root of all errors of this package."""


# -- you broke the rule ------------------------------------------------------------------------------------------------


class LocalError(MdhtError):
    """You broke the rule: what you gave, or when you called, was wrong. Nothing was sent."""


class BadText(LocalError, ValueError):
    """Text that is not the `what` it should be. `reason` says where it is wrong and what would be right."""

    def __init__(self, what: str = "", text: str = "", reason: str = "") -> None:
        super().__init__(what, text, reason)
        self.what = what
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.what} {shown(self.text)}: {self.reason}"


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


class TooLarge(LocalError, ValueError):
    """What you gave is larger than any peer would take."""

    def __init__(self, what: str = "", size_bytes: int = 0, limit_bytes: int = 0) -> None:
        super().__init__(what, size_bytes, limit_bytes)
        self.what = what
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        return f"{self.what} of {self.size_bytes} bytes: at most {self.limit_bytes} are allowed; make it smaller"


class ConfigError(LocalError, ValueError):
    """All faults of a configuration at once. Each is (key, what is wrong, what would be right)."""

    def __init__(self, faults: Sequence[tuple[str, str, str]] = ()) -> None:
        super().__init__(tuple(faults))
        self.faults = tuple(faults)

    def __str__(self) -> str:
        count = len(self.faults)
        lines = [f"  {key}: {wrong}; {right}" for key, wrong, right in self.faults]
        return "\n".join([f"{count} fault{'' if count == 1 else 's'} in the configuration", *lines])


class BadShare(LocalError, ValueError):
    """What was to be shared cannot be. `faults` has everything that is wrong, each as text; at most 1,000 of them."""

    def __init__(self, path: str = "", faults: Sequence[str] = ()) -> None:
        super().__init__(path, tuple(faults))
        self.path = path
        self.faults = tuple(faults)

    def __str__(self) -> str:
        lines = [f"  {shown(str(fault), quotes=False, most=5_000)}" for fault in self.faults]
        return "\n".join([f"cannot share {shown(self.path, most=500)}; nothing was sent", *lines])


class BadTarget(LocalError, ValueError):
    """A share cannot be put at `path`. What is there is left as it is."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot fetch to {shown(self.path, most=500)}: {self.reason}"


class WrongState(LocalError):
    """A call that the object's state does not allow: `event` is not in its transition table for `state`."""

    def __init__(self, what: str = "", state: str = "", event: str = "") -> None:
        super().__init__(what, state, event)
        self.what = what
        self.state = state
        self.event = event

    def __str__(self) -> str:
        return f"{self.what} cannot {self.event} while it is {self.state}; look at its state first"


class DataDirInUse(LocalError):
    """Another node has the data directory `path`: that of process `pid` (0: unknown), which took it at `since_s`
    (seconds since 1970 UTC; 0: unknown).
    """

    def __init__(self, path: str = "", pid: int = 0, since_s: float = 0.0) -> None:
        super().__init__(path, pid, since_s)
        self.path = path
        self.pid = pid
        self.since_s = since_s

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"the data directory {self.path} is in use by {who}: stop that node, or give this one another directory"


class DataDirUnusable(LocalError):
    """The data directory `path`, or a file in it, cannot be used: `reason` is what the system says of it."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot use {self.path} ({self.reason}): correct that, or give another data directory"


class NotARequest(LocalError, ValueError):
    """A node's door was asked for something that it does not know, or with arguments of another shape."""

    def __init__(self, method: str = "", reason: str = "") -> None:
        super().__init__(method, reason)
        self.method = method
        self.reason = reason

    def __str__(self) -> str:
        return f"the node cannot be asked {shown(self.method)}: {self.reason}"


# -- they broke the rule -----------------------------------------------------------------------------------------------


class RemoteError(MdhtError):
    """They broke the rule. What came with it is not used."""


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


# -- nobody broke a rule -----------------------------------------------------------------------------------------------


class NotDone(MdhtError):
    """Nobody broke a rule, but it was not done: no room, no answer, no time, or somebody else was first."""


class QuotaExceeded(NotDone):
    """The share of one owner, putting peer or subnet is used up.

    `scope` is `owner`, `peer` or `subnet`, and `who` names it; `unit` is what `used` and `limit` count: `bytes` or
    `records`.
    """

    def __init__(self, scope: str = "", who: str = "", used: int = 0, limit: int = 0, unit: str = "bytes") -> None:
        super().__init__(scope, who, used, limit, unit)
        self.scope = scope
        self.who = who
        self.used = used
        self.limit = limit
        self.unit = unit

    def __str__(self) -> str:
        return (
            f"quota of {self.scope} {self.who} exceeded ({self.used} of {self.limit} {self.unit}): "
            "delete records or let them expire, or ask for a larger share"
        )


class StoreFull(NotDone):
    """The whole store has no room, whoever asks."""

    def __init__(self, used_bytes: int = 0, limit_bytes: int = 0) -> None:
        super().__init__(used_bytes, limit_bytes)
        self.used_bytes = used_bytes
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        share = f"{self.used_bytes} of {self.limit_bytes} bytes"
        return f"the store is full ({share}): put elsewhere, or give it a larger size"


class Conflict(NotDone):
    """Compare-and-set: the sequence `expected` is not the one held (0: nothing is held)."""

    def __init__(self, expected: int = 0, held: int = 0) -> None:
        super().__init__(expected, held)
        self.expected = expected
        self.held = held

    def __str__(self) -> str:
        held = f"sequence {self.held}" if self.held else "nothing"
        return (
            f"expected sequence {self.expected}, but {held} is held: get it, decide again, and put with that sequence"
        )


class Superseded(NotDone):
    """A version that wins over the one put is held already; `held` is its sequence."""

    def __init__(self, sequence: int = 0, held: int = 0) -> None:
        super().__init__(sequence, held)
        self.sequence = sequence
        self.held = held

    def __str__(self) -> str:
        return f"sequence {self.held} is held and wins over {self.sequence}: get it, and sign with a higher sequence"


class TooManyOwners(NotDone):
    """An open name has as many owners as one may have; records of other owners are not taken."""

    def __init__(self, limit: int = 0) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"this open name has {self.limit} owners already: choose another name, or wait until one expires"


class NotFound(NotDone, LookupError):
    """None of the `asked` peers closest to `address` (32 bytes) has it."""

    def __init__(self, address: bytes = b"", asked: int = 0) -> None:
        super().__init__(address, asked)
        self.address = address
        self.asked = asked

    def __str__(self) -> str:
        return f"nothing at {self.address.hex()[:16]}… ({self.asked} peers asked): check kind, key and owner, or put it"


class TooFewReplicas(NotDone):
    """A put was synced by `stored` peers, where `wanted` were asked for; what was stored stays."""

    def __init__(self, stored: int = 0, wanted: int = 0, reason: str = "") -> None:
        super().__init__(stored, wanted, reason)
        self.stored = stored
        self.wanted = wanted
        self.reason = reason

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"stored by {self.stored} peers of {self.wanted} wanted{why}: put again later, or ask for fewer"


class RequestFailed(NotDone):
    """A peer answered a request with an error: `code` is the number sent, `text` what the peer says of it."""

    def __init__(self, code: int = 0, text: str = "", who: str = "") -> None:
        super().__init__(code, text, who)
        self.code = code
        self.text = text
        self.who = who

    def __str__(self) -> str:
        return f"{self.who or 'the peer'} answered error {self.code}, {shown(self.text)}: ask another peer"


class ChunkNotStored(TooFewReplicas):
    """A part of `file` was stored by too few peers; `chunk` is its hash (32 bytes). What was stored stays."""

    def __init__(self, stored: int = 0, wanted: int = 0, reason: str = "", file: str = "", chunk: bytes = b"") -> None:
        super().__init__(stored, wanted, reason)
        self.args = (stored, wanted, reason, file, chunk)
        self.file = file
        self.chunk = chunk

    def __str__(self) -> str:
        return f"{shown(self.file)}, chunk {self.chunk.hex()[:16]}…: {super().__str__()}"


class ChunksMissing(NotDone):
    """Parts of a share that nobody has: at least `missing` of those looked for so far, the first one in `file`.

    `chunk` is its hash (32 bytes); `asked` peers were asked for it.
    """

    def __init__(self, file: str = "", missing: int = 0, chunk: bytes = b"", asked: int = 0) -> None:
        super().__init__(file, missing, chunk, asked)
        self.file = file
        self.missing = missing
        self.chunk = chunk
        self.asked = asked

    def __str__(self) -> str:
        return (
            f"{shown(self.file)}: {self.missing} or more chunks are missing, the first {self.chunk.hex()[:16]}… "
            f"({self.asked} peers asked): have it shared again, or try when more of its peers are there"
        )


class FileChanged(NotDone):
    """A file changed while it was shared; what was stored of it is of no use."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{shown(self.path, most=500)} changed while it was shared ({self.reason}): share it when it is at rest"


class CannotWrite(NotDone, OSError):
    """What was fetched cannot be written to `path`; what was made for it is removed."""

    def __init__(self, path: str = "", reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot write {shown(self.path, most=500)}: {self.reason}; make room or choose another place"


class Cancelled(NotDone):
    """Whoever asked for `what` wants it no more."""

    def __init__(self, what: str = "") -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} was cancelled: begin it again if it is wanted"


class LinkClosed(NotDone):
    """The link ended before the answer came; whether the request was carried out is unknown."""

    def __init__(self, who: str = "", reason: str = "") -> None:
        super().__init__(who, reason)
        self.who = who
        self.reason = reason

    def __str__(self) -> str:
        return f"the link to {self.who or 'the peer'} closed ({self.reason or 'no reason given'}): dial it again"


class TimedOut(NotDone, TimeoutError):
    """No answer within `timeout_s`; whether the request was carried out is unknown."""

    def __init__(self, what: str = "", timeout_s: float = 0.0) -> None:
        super().__init__(what, timeout_s)
        self.what = what
        self.timeout_s = timeout_s

    def __str__(self) -> str:
        return f"{self.what} took longer than {self.timeout_s:g} s: try again, or give it longer"


class NoNode(NotDone):
    """No node is running in the data directory `path`."""

    def __init__(self, path: str = "") -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"no node is running in {self.path}: start one with `mdht run --data-dir {quote(self.path)}`"


class NodeGone(NotDone):
    """The node in the data directory `path` ended before it answered; whether it did what was asked is unknown."""

    def __init__(self, path: str = "", what: str = "") -> None:
        super().__init__(path, what)
        self.path = path
        self.what = what

    def __str__(self) -> str:
        return f"the node in {self.path} ended before it answered {self.what or 'the request'}: start it, and ask again"


class DoorClosed(NotDone):
    """The door of a running node does not let this client in: `reason` says why."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the node does not answer this client: {self.reason}"


class UnknownFailure(NotDone):
    """The node failed with an error of a type that is not known here: its name, and what it says."""

    def __init__(self, type_name: str = "", text: str = "") -> None:
        super().__init__(type_name, text)
        self.type_name = type_name
        self.text = text

    def __str__(self) -> str:
        return f"the node failed with {self.type_name}: {shown(self.text, quotes=False, most=400)}; its log says more"


def shown(text: str, quotes: bool = True, most: int = 80) -> str:
    """Text that may come from a peer, fit for a log: one line, printable, at most `most` characters of it."""
    cut = text if len(text) <= most else text[:most] + "…"
    if quotes:
        return ascii(cut) if not cut.isprintable() else repr(cut)
    return cut if cut.isprintable() else ascii(cut)[1:-1]
