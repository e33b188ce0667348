"""Removes a directory when every process that uses it has ended, however they ended.

A small process waits for the end of a pipe, whose other end this process and those that it starts hold and never write
to. The kernel closes it for each that ends; after the last one, killed or not, the janitor removes the directory.
"""

from __future__ import annotations

import logging
import os
import subprocess
from typing import Final

_SCRIPT: Final = 'while read -r _; do :; done; exec rm -rf -- "$1"'

_WAIT_S: Final = 30.0
"""Seconds for removing what is left: a million small files on a slow disk."""

_log: Final = logging.getLogger("mdht")


class Janitor:
    """Of one directory, from the constructor to `close`. Only for a directory that may be removed with all in it."""

    def __init__(self, directory: str) -> None:
        """Starts the process. Raises OSError."""
        self.directory = directory
        reading, self.held = os.pipe()
        """`held`: descriptor that every process must inherit which the directory has to wait for."""
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "sh", directory],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # a Ctrl-C is not for it
            )
        except BaseException:
            os.close(self.held)
            raise
        finally:
            os.close(reading)

    def close(self) -> None:
        """Have the directory removed, and wait until it is. Idempotent.

        Where a process that this one has forked holds the pipe, too, it is removed when that ends; that is logged.
        """
        if self.held < 0:
            return
        held, self.held = self.held, -1
        os.close(held)
        try:
            self._process.wait(_WAIT_S)
        except subprocess.TimeoutExpired:
            _log.warning("%s is still used by a process; it is removed when that ends", self.directory)
