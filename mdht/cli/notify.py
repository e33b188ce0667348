"""Tells the service manager that started a node how it is: `READY=1`, `STOPPING=1` (sd_notify(3))."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """Send it where `NOTIFY_SOCKET` says; nothing where that is not set. A manager that is gone is no error."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        try:
            one.setblocking(False)
            one.sendto(state.encode(), address)
        except OSError:
            pass
