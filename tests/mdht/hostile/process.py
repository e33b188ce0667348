"""A node in a process of its own: `python -m tests.mdht.hostile.process TOML` in the child, `NodeProcess` outside.

The child prints a line once it listens, answers each line that it reads, and stops at the end of its input. Lines are
`numbers`, or an address to which it is to connect.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

import mdht
from mdht.config import Config
from mdht.node import Node

ROOT = Path(mdht.__file__).parents[1]


class NodeProcess:
    """One of them; a context, at whose end it is gone. `ready` waits for it to listen."""

    def __init__(self, toml: str = "", **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.mdht.hostile.process", toml],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin, self.process.stdout
        self.address = ""
        """As others dial it."""

    @property
    def pid(self) -> int:
        return self.process.pid

    def ready(self) -> Self:
        """Wait until it listens."""
        self.address = self._hear()["address"]
        return self

    def numbers(self) -> dict[str, Any]:
        """Its threads, descriptors, memory (bytes) and statistics, now."""
        self._in.write("numbers\n")
        return self._hear()

    def connect(self, address: str) -> None:
        """Let it dial; nobody waits for how that ends."""
        self._in.write(f"{address}\n")
        self._hear()

    def _hear(self) -> Any:
        line = self._out.readline()
        assert line, f"it ended with {self.process.wait(10)}"
        return json.loads(line)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait(10)

    def leave(self) -> None:
        """Let it stop, without waiting."""
        self._in.close()

    def end(self) -> int:
        """Let it stop, and wait; its exit code."""
        self.leave()
        return self.process.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for end in (self._in, self._out):
            try:
                end.close()
            except BrokenPipeError:
                pass  # it was killed with a line unread


class _Loud(logging.Handler):
    """The last warnings and errors that were logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith("Executing"):
            return  # a slow callback, in development mode on a busy machine
        self.lines = [*self.lines[-9:], self.format(record)]


def main(toml: str) -> None:
    logged = _Loud()
    logging.getLogger().addHandler(logged)
    me = psutil.Process()
    with Node(Config.from_toml(toml)) as node:
        print(json.dumps({"address": node.address}), flush=True)
        for line in sys.stdin:
            if line != "numbers\n":
                node.connect_future(line.strip())
                print("{}", flush=True)
                continue
            gc.collect()
            stats = node.stats()
            numbers = {
                "threads": me.num_threads(),
                "python_threads": threading.active_count(),
                "descriptors": me.num_fds(),
                "rss": me.memory_info().rss,
                "links": stats.links.links,
                "dialled": stats.links.dialled,
                "half_open": stats.links.half_open,
                "logged": logged.lines,
            }
            print(json.dumps(numbers), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
