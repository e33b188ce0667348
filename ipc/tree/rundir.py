"""The directory of this run's `ipc://` sockets: mode 0700, short enough for a Unix socket path, removed at the end.

A socket path has 107 bytes (`sun_path`, unix(7)); where the temporary directory is too deep, /tmp is taken. Directories
of runs whose process no longer exists are removed when a new one is made.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import psutil

SOCKET_PATH_BYTES = 107
_PREFIX = "ipc-"
_NAME_BYTES = 48
"""What a directory's own name and a socket's name take at the most."""


def make_run_dir(parent: str | None = None) -> str:
    """A new directory for sockets. Raises `OSError` where none can be made."""
    wanted = parent or os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    if len(os.fsencode(wanted)) + _NAME_BYTES > SOCKET_PATH_BYTES or not os.access(wanted, os.W_OK | os.X_OK):
        wanted = "/tmp"
    _sweep(Path(wanted))
    return tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=wanted)


def _sweep(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*-*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if pid.isdigit() and path.stat().st_uid == os.getuid() and not psutil.pid_exists(int(pid)):
                shutil.rmtree(path, ignore_errors=True)
