"""Ends the process when its standard input ends, so that it never outlives the program that started it.

That program gives it a pipe that it never writes to. The kernel closes the pipe however the program ends, which no
signal handler of it and no `atexit` can promise; prctl(2)'s PR_SET_PDEATHSIG could, but it also tells of the end of the
*thread* that started the process, and only on Linux.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

from .serving import STOP_S

_LATE_S: Final = STOP_S + 3.0
"""Seconds after the end of stdin when the kernel ends the process, whatever hangs in it."""

_STDIN: Final = 0


def end_with_stdin() -> None:
    """As by SIGTERM when stdin ends; by SIGKILL where that takes too long. What is read from stdin is ignored."""
    threading.Thread(target=_watch, name="mdht-leash", daemon=True).start()


def _watch() -> None:
    try:
        while os.read(_STDIN, 4096):
            pass
    except OSError:
        pass  # closed: it has ended
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_LATE_S)
    os.kill(os.getpid(), signal.SIGKILL)
