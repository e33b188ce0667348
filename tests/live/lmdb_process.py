"""Runs `tests.live.lmdb_writer` and reads what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import mdht

ROOT = Path(mdht.__file__).parents[1]


class LmdbProcess:
    """One of them; a context, at whose end it is gone."""

    def __init__(self, what: str, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.live.lmdb_writer", what, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=ROOT,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def say(self, line: object) -> None:
        self.stdin.write(f"{line}\n")

    def hear(self) -> str:
        """The next line. Fails if the process has ended instead."""
        line = self.stdout.readline()
        assert line, f"ended with {self.process.wait(10)}"
        return line.strip()

    def end(self) -> int:
        """Close its input, and wait until it has ended."""
        self.stdin.close()
        return self.process.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.stdin.close()
        self.stdout.close()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
