"""How an exception is told to the peer whose request it ended, and what that peer makes of it."""

from __future__ import annotations

from typing import Final

from ..errors import (
    MdhtError,
    QuotaExceeded,
    Rejected,
    RemoteError,
    RequestFailed,
    StoreFull,
    TooManyOwners,
)
from ..limits import DEADLINE_MAX_MS, TEXT_CHARS
from .codes import ErrorCode
from .messages import Error
from .unknown import Unknown

_CODES: Final[tuple[tuple[type[MdhtError], ErrorCode], ...]] = (
    (QuotaExceeded, ErrorCode.QUOTA),
    (StoreFull, ErrorCode.FULL),
    (TooManyOwners, ErrorCode.OWNERS),
    (Rejected, ErrorCode.REJECTED),
    (RemoteError, ErrorCode.REJECTED),
)


def error_for(request: int, exc: BaseException, retry_ms: int = 0) -> Error:
    """The ERROR that answers `request`. Of an error that is not of this package only INTERNAL is told: its text may
    hold what is nobody's business.
    """
    for cls, code in _CODES:
        if isinstance(exc, cls):
            return Error(request, code, str(exc)[:TEXT_CHARS], min(retry_ms, DEADLINE_MAX_MS))
    return Error(request, ErrorCode.INTERNAL, "internal error", min(retry_ms, DEADLINE_MAX_MS))


def answer_unknown(message: Unknown) -> Error | None:
    """The ERROR that answers a request of a newer version; None where it is no request, and so not answered."""
    if not message.is_request:
        return None
    return Error(message.request, ErrorCode.UNSUPPORTED, f"message {message.tag} is not known here")


def failure(error: Error, who: str = "") -> RequestFailed:
    """The exception for whoever waits for an answer and got this ERROR from `who` (a short id)."""
    return RequestFailed(error.code, error.text, who)
