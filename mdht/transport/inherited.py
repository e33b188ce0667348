"""Listening sockets that the service manager made and passes to the process that it starts (sd_listen_fds(3)).

They are descriptors 3, 4, …: as many as `LISTEN_FDS` says, for the process whose id `LISTEN_PID` is, and with the names
in `LISTEN_FDNAMES`, parted by colons. They stay open at the manager, so who dials while the node is started again waits
in the kernel, and is not refused.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from typing import Final

from .accepting import BACKLOG, reason_of
from .errors import CannotListen

FIRST: Final = 3
"""The descriptor of the first one (SD_LISTEN_FDS_START)."""

MOST: Final = 64
"""Sockets that are taken: a node listens at a few addresses, so more are a mistake in the environment."""

_VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def inherited_sockets(
    environment: MutableMapping[str, str] | None = None, first: int = FIRST
) -> dict[str, socket.socket]:
    """The TCP sockets that were passed to this process, listening, by a name that people know them by; none mostly.

    They and the variables are kept from children of this process. To be called once, by a program, before it starts
    any. Raises CannotListen for what is no listening TCP socket.
    """
    environment = os.environ if environment is None else environment
    pid, count, names = (environment.pop(name, "") for name in _VARIABLES)
    if pid != str(os.getpid()) or not count.isascii() or not count.isdigit() or int(count) == 0:
        return {}
    if int(count) > MOST:
        raise CannotListen(f"LISTEN_FDS={count}", f"at most {MOST} sockets are taken")
    found: dict[str, socket.socket] = {}
    try:
        for at, name in enumerate((names.split(":") + [""] * MOST)[: int(count)]):
            descriptor = first + at
            os.set_inheritable(descriptor, False)
            found[f"socket {descriptor} ({name or 'unnamed'})"] = _listening(descriptor)
    except (OSError, ValueError) as error:
        for one in found.values():
            one.close()
        raise CannotListen(
            f"passed socket {descriptor} ({name or 'unnamed'})",
            f"{reason_of(error)}; pass ListenStream= sockets of TCP, with Accept=no",
        ) from None
    return found


def _listening(descriptor: int) -> socket.socket:
    """Raises OSError, and ValueError for another kind of socket; then it is left as it is."""
    one = socket.socket(fileno=descriptor)
    try:
        if one.family not in (socket.AF_INET, socket.AF_INET6) or one.type != socket.SOCK_STREAM:
            raise ValueError("it is no TCP socket")
        one.listen(BACKLOG)  # a connection, which Accept=yes passes, cannot
    except (OSError, ValueError):
        one.detach()
        raise
    return one
