"""What the methods of a `RemoteNode` ask, and how their answers are read: the same for blocking and awaited ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from ..control import (
    KINDS,
    Call,
    ConnectCall,
    DeleteCall,
    FetchCall,
    ForgetCall,
    GetAllCall,
    GetCall,
    PeersCall,
    PutCall,
    RefreshCall,
    ShareCall,
    SharesCall,
    StatsCall,
    UnshareCall,
)
from ..control.calls import Kind as Word
from ..control.limits import REQUEST_BYTES, TIMEOUT_MAX_S
from ..errors import BadText, TooLarge
from ..limits import VALUE_BYTES
from .results import converted, result_type

if TYPE_CHECKING:
    from ..model import Kind
    from ..node import NodeStats
    from ..services import Got, PeerInfo, PutDone
    from ..services.files.commands import Fetched, FileProgress, Shared, ShareInfo

T = TypeVar("T")

_WORDS: Final = {number: word for word, number in KINDS.items()}

TICKET_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Asking(Generic[T]):
    """A call, its `timeout` (seconds; None: the node's default), and what makes its answer of plain values."""

    call: Call
    timeout: float | None
    read: Callable[[Any], T]


def connect(seed: str, timeout: float | None) -> Asking[bytes]:
    """Answered by an id. Raises BadText."""
    return Asking(ConnectCall(seed, _limited(timeout)), timeout, bytes)


def refresh(timeout: float | None) -> Asking[int]:
    """Answered by a number. Raises BadText."""
    return Asking(RefreshCall(_limited(timeout)), timeout, int)


def peers(wait_s: float) -> Asking[list[PeerInfo]]:
    """Answered by a list of `PeerInfo`."""
    return Asking(PeersCall(), wait_s, lambda plain: converted(plain, list[_peers("PeerInfo")]))  # type: ignore[misc]


def stats(wait_s: float) -> Asking[NodeStats]:
    """Answered by `NodeStats`."""
    return Asking(StatsCall(), wait_s, lambda plain: converted(plain, result_type("node", "NodeStats")))


def put(
    value: bytes,
    key: bytes | None,
    kind: Kind | str | None,
    sequence: int,
    expect: int | None,
    keep_s: int,
    replicas: int,
    timeout: float | None,
) -> Asking[PutDone]:
    """Answered by `PutDone`. Raises BadText, TooLarge, and ValueError where kind and key do not go together."""
    word = _word(kind) if kind is not None else "content" if key is None else "owned"
    if (word == "content") != (key is None):
        raise ValueError("content has no key but its hash: give either a key, or kind=Kind.CONTENT")
    value, key = bytes(value), key or b""
    if len(value) + len(key) > REQUEST_BYTES // 2:
        raise TooLarge("value", len(value), VALUE_BYTES)
    call = PutCall(value, key, word, sequence, expect, keep_s, replicas, _limited(timeout))
    return Asking(call, timeout, lambda plain: converted(plain, _api("PutDone")))


def get(key: bytes, kind: Kind | str, owner: bytes | None, timeout: float | None) -> Asking[Got]:
    """Answered by `Got`. Raises BadText."""
    call = GetCall(key, _word(kind), owner, _limited(timeout))
    return Asking(call, timeout, lambda plain: converted(plain, _api("Got")))


def get_all(key: bytes, timeout: float | None) -> Asking[list[Got]]:
    """Answered by a list of `Got`. Raises BadText."""
    call = GetAllCall(key, _limited(timeout))
    return Asking(call, timeout, lambda plain: converted(plain, list[_api("Got")]))  # type: ignore[misc]


def delete(key: bytes, kind: Kind | str, expect: int | None, timeout: float | None) -> Asking[PutDone]:
    """Answered by `PutDone`. Raises BadText."""
    call = DeleteCall(key, _word(kind), expect, _limited(timeout))
    return Asking(call, timeout, lambda plain: converted(plain, _api("PutDone")))


def share(path: str | os.PathLike[str], replicas: int, timeout: float | None) -> Asking[Shared]:
    """Answered by `Shared`. Raises BadText."""
    call = ShareCall(os.fsencode(os.path.abspath(path)), os.urandom(TICKET_BYTES), replicas, _limited(timeout))
    return Asking(call, timeout, lambda plain: converted(plain, _file("Shared")))


def fetch(address: bytes, path: str | os.PathLike[str], timeout: float | None) -> Asking[Fetched]:
    """Answered by `Fetched`. Raises BadText."""
    call = FetchCall(address, os.fsencode(os.path.abspath(path)), os.urandom(TICKET_BYTES), _limited(timeout))
    return Asking(call, timeout, lambda plain: converted(plain, _file("Fetched")))


def shares(wait_s: float) -> Asking[list[ShareInfo]]:
    """Answered by a list of `ShareInfo`."""
    return Asking(SharesCall(), wait_s, lambda plain: converted(plain, list[_file("ShareInfo")]))  # type: ignore[misc]


def unshare(address: bytes, wait_s: float) -> Asking[bool]:
    """Answered by whether it was shared."""
    return Asking(UnshareCall(address), wait_s, bool)


def forget(key: bytes, kind: Kind | str, timeout: float | None) -> Asking[bool]:
    """Answered by whether it was remembered. Raises BadText."""
    return Asking(ForgetCall(key, _word(kind), _limited(timeout)), timeout, bool)


def progress(plain: Any) -> FileProgress:
    """A `FileProgress` of plain values."""
    made: FileProgress = converted(plain, _file("FileProgress"))
    return made


def _api(name: str) -> Any:
    return result_type("services.api.commands", name)


def _peers(name: str) -> Any:
    return result_type("services.peers.commands", name)


def _file(name: str) -> Any:
    return result_type("services.files.commands", name)


def _word(kind: Kind | str) -> Word:
    """A kind as the door has it: a `mdht.model.Kind`, its number, or the word. Raises BadText."""
    word = kind if isinstance(kind, str) else _WORDS.get(kind, "")
    if word not in KINDS:
        raise BadText("kind", str(kind), f"it is one of {', '.join(KINDS)}")
    return cast(Word, word)


def _limited(timeout: float | None) -> float | None:
    """Raises BadText."""
    if timeout is not None and not 0 < timeout <= TIMEOUT_MAX_S:
        raise BadText("timeout", f"{timeout:g}", f"it is more than 0 and at most {TIMEOUT_MAX_S:g} seconds")
    return timeout
