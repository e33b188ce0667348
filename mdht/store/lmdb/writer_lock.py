"""One writing process a store: an advisory lock on a file that says who holds it.

The lock is the kernel's (flock), so it is gone with the process however that died; the number in the file is for the
message only, and may be of a process that is gone. The file itself is never removed: between looking and removing
somebody else may have locked it.
"""

from __future__ import annotations

import fcntl
import os
from typing import Final

from ..errors import StoreInUse

FILE: Final = "writer.lock"


class WriterLock:
    """Held from the constructor to `release`."""

    def __init__(self, directory: str) -> None:
        """Raises StoreInUse, with the process that has it, and OSError."""
        self._fd = os.open(os.path.join(directory, FILE), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreInUse(directory, _pid(self._fd)) from None
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)
        except BaseException:
            os.close(self._fd)
            raise

    def release(self) -> None:
        """Let another have it. Call it once."""
        os.close(self._fd)


def writer_pid(directory: str) -> int | None:
    """The process that has the store open for writing now (0: unknown); None where there is none."""
    try:
        fd = os.open(os.path.join(directory, FILE), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(fd)
    finally:
        os.close(fd)
    return None


def _pid(fd: int) -> int:
    digits = os.pread(fd, 20, 0).strip()
    return int(digits) if digits.isdigit() else 0
