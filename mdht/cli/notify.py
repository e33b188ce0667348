"""Tells the service manager that started a node how it is: `READY=1`, `STOPPING=1`, `STATUS=…` (sd_notify(3))."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_STATUS_CHARS: Final = 200
"""Of a line of the log that are shown as the status: `systemctl status` shows one line."""


def notified() -> bool:
    """Whether a manager wants to hear."""
    return os.environ.get("NOTIFY_SOCKET", "")[:1] in ("/", "@")


def notify(state: str) -> None:
    """Send it where `NOTIFY_SOCKET` says; nothing where that is not set. A manager that is gone is no error."""
    if not notified():
        return
    address = os.environ["NOTIFY_SOCKET"]
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        try:
            one.setblocking(False)
            one.sendto(state.encode(), address)
        except OSError:
            pass


@contextmanager
def log_as_status() -> Iterator[None]:
    """Meanwhile what the log says is the status: how far a start is that divides the store anew."""
    shown = _Shown(logging.WARNING)
    log = logging.getLogger("mdht")
    if notified():
        log.addHandler(shown)
    try:
        yield
    finally:
        log.removeHandler(shown)


class _Shown(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        notify(f"STATUS={' '.join(record.getMessage().split())[:_STATUS_CHARS]}")
