"""What an object goes through on its way to a service of the same process."""

from __future__ import annotations

import os
from typing import Any

from .. import refs
from ..codec import dumps, loads
from ..remote_errors import localise, pack_error, unpack_error

PACK_ALL = os.environ.get("IPC_PACK_ALL", "") not in ("", "0")
"""Every channel packs, so a test run inline finds what a process would refuse."""


def as_is(value: Any) -> Any:
    """The object itself: sender and service are on the same host."""
    return value


def between_hosts(value: Any) -> Any:
    """The object itself, but with a copy of its own for each `Copied` in it."""
    return refs.cross(value) if refs.STATE.copied else value


def packed(value: Any) -> Any:
    """What another process would have got. Raises `NotSendable`."""
    return loads(dumps(value))


def crossed_error(error: BaseException) -> BaseException:
    """What the caller of this process gets in the place of a reply."""
    return unpack_error(pack_error(error)) if PACK_ALL else localise(error)


def crossing(same_host: bool) -> Any:
    """The function that a command, or a reply, goes through."""
    if PACK_ALL:
        return packed
    return as_is if same_host else between_hosts
