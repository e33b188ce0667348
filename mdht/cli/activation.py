"""Sockets that the service manager passes to `mdht run` (socket activation), and its patience while a node starts."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final

from ..errors import ConfigError
from ..transport.inherited import inherited_sockets
from .notify import notify

if TYPE_CHECKING:
    from ..config import Config

EXTEND_S: Final = 30.0
"""Seconds by which the manager is asked to wait on: a start divides the store anew where its parts have changed, which
takes a minute for some millions of records. A node whose loop stands still does not ask.
"""


def passed_sockets(config: Config) -> tuple[socket.socket, ...]:
    """Those that were passed, each of them for an address of `listen` with its port.

    To be called once, before any child is started. Raises CannotListen for what is no listening TCP socket, and
    ConfigError where nothing in `listen` has the port of one.
    """
    passed = inherited_sockets()
    ports = {port for _, _, port in config.listen_at}
    faults = [
        (
            "listen",
            f"{', '.join(config.listen) or 'empty'}, and {name} is passed with port {one.getsockname()[1]}",
            "an address with that port, or no such socket",
        )
        for name, one in passed.items()
        if one.getsockname()[1] not in ports
    ]
    if faults:
        for one in passed.values():
            one.close()
        raise ConfigError(faults)
    return tuple(passed.values())


async def ask_for_time() -> None:
    """Ask the manager again and again to wait for `READY=1`, until cancelled (EXTEND_TIMEOUT_USEC of sd_notify(3))."""
    while True:
        await asyncio.sleep(EXTEND_S / 3)
        notify(f"EXTEND_TIMEOUT_USEC={EXTEND_S * 1e6:.0f}")
