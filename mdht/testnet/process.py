"""One node as a process: `mdht run` on a data directory, as an operator starts it.

It says that it is ready by a line of JSON on stdout. Its stdin is a pipe that this process holds and never writes to:
with `--until-eof` the node ends when the pipe does, so it outlives nobody who was killed. Its stderr is a file.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from ..data_dir import CONFIG_FILE, make_data_dir
from ..remote import RemoteNode
from .errors import NodeNotStarted

READY_S: Final = 60.0
"""Seconds until a node must be ready: half a second of work, on a machine that may start many at a time."""

STOP_S: Final = 20.0
"""Seconds for a clean end before it is killed: more than a node allows itself."""

LOG_FILE: Final = "stderr.log"

_TAIL_LINES: Final = 12
_TAIL_BYTES: Final = 8 << 10
_LINE_BYTES: Final = 16 << 10
"""Of the line that says that a node is ready: its directory's path and eight addresses fit many times."""

_NOT_FOR_IT: Final = ("MDHT_DATA_DIR", "NOTIFY_SOCKET")
"""Environment that names another node's directory, or speaks to the manager of this process."""

_log: Final = logging.getLogger("mdht")


class NodeProcess:
    """Node `number` of a network, in a directory of its own. For one thread at a time."""

    def __init__(self, number: int, data_dir: str, toml: str, held: tuple[int, ...] = ()) -> None:
        """Writes the configuration. `held`: descriptors that the process is to inherit.

        Raises DataDirUnusable and OSError.
        """
        self.number = number
        self.data_dir = data_dir
        self.log = os.path.join(data_dir, LOG_FILE)
        self._held = held
        self._process: subprocess.Popen[bytes] | None = None
        self._node = RemoteNode(data_dir)
        make_data_dir(data_dir)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with open(os.open(os.path.join(data_dir, CONFIG_FILE), flags, 0o600), "w", encoding="utf-8") as file:
            file.write(toml)

    @property
    def node(self) -> RemoteNode:
        """By which it is asked; another one after each end."""
        return self._node

    @property
    def pid(self) -> int:
        """Of its process; 0 where it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def spawn(self) -> None:
        """Start the process, and do not wait. Raises OSError."""
        assert self._process is None, "stopped or killed before it is started again"
        with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mdht", "run", "--until-eof", "--json", "--data-dir", self.data_dir],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.data_dir,  # `-m` looks for modules there first, and finds none
                env=_environment(),
                pass_fds=self._held,
                start_new_session=True,  # a Ctrl-C at the terminal is for this process, which stops them in order
                bufsize=0,
            )

    def ready(self, timeout_s: float = READY_S) -> RemoteNode:
        """Wait until it says that it is ready, and give what it is asked by.

        Raises NodeNotStarted; NodeGone and NoNode where it ended just then.
        """
        line = self._line(time.monotonic() + timeout_s)
        try:
            told = json.loads(line) if line else None
        except ValueError:
            told = None
        if not isinstance(told, dict) or told.get("ready") is not True:
            raise self._not_started(timeout_s)
        self._node.about()  # so that its id and address are known, and need no question on an event loop
        return self._node

    def _line(self, until_s: float) -> bytes:
        """The first line of its stdout; empty where it ended, or the time did."""
        process = self._process
        assert process is not None and process.stdout is not None, "spawned"
        poll = select.poll()
        poll.register(process.stdout, select.POLLIN)
        kept = b""
        while len(kept) < _LINE_BYTES and (left_s := until_s - time.monotonic()) > 0:
            if not poll.poll(left_s * 1000):
                continue
            data = os.read(process.stdout.fileno(), _LINE_BYTES)
            kept += data
            if not data or b"\n" in data:
                return kept.partition(b"\n")[0]
        return b""

    def _not_started(self, timeout_s: float) -> NodeNotStarted:
        process = self._process
        assert process is not None, "spawned"
        try:
            code = process.wait(1.0)  # its stdout ends just before it does
        except subprocess.TimeoutExpired:
            reason = f"was not ready after {timeout_s:g} s"
        else:
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            reason = f"ended before it was ready, {how}"
        kept = "" if self._held else self.log  # somebody waits for our end to remove the directory
        return NodeNotStarted(self.number, reason, kept, self.tail())

    def tail(self) -> str:
        """The last lines that it wrote to stderr."""
        try:
            with open(self.log, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _TAIL_BYTES))
                data = file.read(_TAIL_BYTES)
        except OSError:
            return ""
        return "\n".join(data.decode(errors="replace").splitlines()[-_TAIL_LINES:])

    def stop(self) -> None:
        """SIGTERM, and wait until it has ended; killed where it takes longer than `STOP_S`. Idempotent."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            _log.warning("node %d did not end within %g s of SIGTERM, so it is killed", self.number, STOP_S)
        self.kill()

    def abandon(self) -> None:
        """SIGKILL, from any thread, without waiting: whoever waits for it hears that it has ended."""
        if (process := self._process) is not None:
            process.kill()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Idempotent."""
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        self._node.close()
        self._node = RemoteNode(self.data_dir)  # says that no node is there
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None, "a pipe"
            pipe.close()
        self._process = None  # last, so that one that a signal's handler interrupts can be called again


def _environment() -> dict[str, str]:
    """Ours; where this package was imported from a checkout that is not installed, the child finds it there, too."""
    environment = {key: value for key, value in os.environ.items() if key not in _NOT_FOR_IT}
    here = str(Path(__file__).resolve().parents[2])
    if os.path.basename(here) not in ("site-packages", "dist-packages"):
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), here)))
    return environment
