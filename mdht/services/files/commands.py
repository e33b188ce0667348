"""What is said to the `files` service, and what it answers. Plain immutable values, so they cross every channel.

A *ticket* is any bytes that its caller made up for one share or fetch: `FileNumbers` and `FileCancel` name it by them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ipc import sendable


@sendable("mdht.do_share")
@dataclass(frozen=True, slots=True)
class DoShare:
    """Share the file or folder at a path of this machine, as its file system has it. Answered by `Shared`.

    `replicas` 0: the configuration's `file_replicas`. `timeout_s`: seconds without any progress, not in all.
    """

    path: bytes
    ticket: bytes
    replicas: int
    timeout_s: float


@sendable("mdht.do_fetch")
@dataclass(frozen=True, slots=True)
class DoFetch:
    """Fetch a share to a path of this machine. Answered by `Fetched`. `timeout_s` as in `DoShare`."""

    id: bytes
    path: bytes
    ticket: bytes
    timeout_s: float


@sendable("mdht.shares_wanted")
@dataclass(frozen=True, slots=True)
class SharesWanted:
    """Which shares this node keeps alive; answered by a list of `ShareInfo`, that shared first before others."""


@sendable("mdht.unshare")
@dataclass(frozen=True, slots=True)
class Unshare:
    """Keep the share of that id alive no more; answered by whether it was."""

    id: bytes


@sendable("mdht.file_numbers")
@dataclass(frozen=True, slots=True)
class FileNumbers:
    """How far the share or fetch of that ticket is; answered by `FileProgress`, or None where it is over."""

    ticket: bytes


@sendable("mdht.file_cancel")
@dataclass(frozen=True, slots=True)
class FileCancel:
    """Nobody wants the share or fetch of that ticket any more: it ends with `Cancelled`, and leaves nothing behind."""

    ticket: bytes


@sendable("mdht.file_stats_wanted")
@dataclass(frozen=True, slots=True)
class ServedNumbers:
    """What peers were served; answered by `FileStats`."""


@sendable("mdht.file_progress")
@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far it is. `total_bytes` and `files_total` are 0 until they are known."""

    done_bytes: int
    total_bytes: int
    files_done: int
    files_total: int


@sendable("mdht.shared")
@dataclass(frozen=True, slots=True)
class Shared:
    """A share that is stored."""

    id: bytes
    """By which anybody fetches it: the hash of its root record, 32 bytes. The same content and names give the same."""
    name: str
    files: int
    size_bytes: int
    """Of the files' contents."""
    chunks: int
    """Records that were stored, lists and index included."""
    replicas: int
    """Fewest that any of them reached, this node included."""
    skipped: tuple[str, ...] = ()
    """What is no part of it, each as `path: why`: symbolic links, sockets, devices. At most 100 of them."""
    skipped_total: int = 0
    """How many there are."""
    warning: str = ""
    """Why it is not kept alive, or not over a restart of this node; empty: it is."""


@sendable("mdht.share_info")
@dataclass(frozen=True, slots=True)
class ShareInfo:
    """A share that this node keeps alive. Times are seconds since 1970 UTC."""

    id: bytes
    path: str
    """Of this machine. What is no text in it is shown as escapes."""
    files: int
    size_bytes: int
    shared_s: float
    renewed_s: float
    """When all of it was last stored, or found stored."""
    state: str
    """`kept`; `failing` (peers could not be reached) or `unreadable` (its files cannot be read), which are tried again;
    `changed` (they are other ones by now), which is renewed no more.
    """
    why: str = ""
    """Of a state that is not `kept`."""


@sendable("mdht.fetched")
@dataclass(frozen=True, slots=True)
class Fetched:
    """A share that is here, every byte verified."""

    path: str
    """Where it is: absolute. What is no text in a name is shown as escapes, here and in `name`."""
    name: str
    """What it was called where it was shared."""
    files: int
    size_bytes: int


@sendable("mdht.file_stats")
@dataclass(frozen=True, slots=True)
class FileStats:
    """Totals since the start, but for `running` and `serving`."""

    shares: int = 0
    fetches: int = 0
    failed: int = 0
    running: int = 0
    """Shares and fetches of our own user, now."""
    serving: int = 0
    """Streams of peers, now."""
    refused: int = 0
    """Streams of peers that were one too many, or for an unknown purpose."""
    served_records: int = 0
    """Records sent to peers by streams."""
    kept_records: int = 0
    """Records taken from peers by streams."""
    renewed_records: int = 0
    """Records held here that peers wanted kept for longer."""
    kept_shares: int = 0
    """Shares of our own user that are kept alive, now."""
    renewals: int = 0
    """Times that all of a share was renewed."""
    renewals_failed: int = 0
    """Times that it was not."""
    renewed_pieces: int = 0
    """Pieces of our shares that a peer had, and keeps for longer."""
    sent_pieces: int = 0
    """Pieces of our shares that a peer had no more, and was sent."""
