"""Services of the live tests, where child processes can import them."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from ipc import Service


class Echo(Service):
    """Answers with the command."""

    def call(self, command: Any) -> Any:
        return command


class AsyncEcho(Service):
    """Answers with the command, from a coroutine."""

    async def call(self, command: Any) -> Any:
        return command


class Where(Service):
    """Answers (process id, command)."""

    def call(self, command: Any) -> Any:
        return [os.getpid(), command]


class Sharded(Where):
    """`Where`, dealt by command."""

    @staticmethod
    def shard_key(command: Any) -> Any:
        return command


class Sum(Service):
    """Keeps a total, which moves along."""

    def start(self) -> None:
        self.total = 0

    def call(self, command: int) -> list[int]:
        self.total += command
        return [os.getpid(), self.total]


class Sleeper(Service):
    """A call takes as many seconds as the command says, in one system call that nothing ends."""

    blocking = True

    def call(self, command: float) -> str:
        time.sleep(command)
        return "slept"


class Gate(Service):
    """A call takes until a file exists; touches another when it begins. For threads and processes."""

    blocking = True

    def __init__(self, begun: str, leave: str) -> None:
        self.begun = begun
        self.leave = leave

    def call(self, command: Any) -> Any:
        Path(self.begun).touch()
        wait_for_file(self.leave)
        return command


class Stubborn(Sleeper):
    """A `Sleeper` that SIGTERM does not end; on its process's main thread, where alone a signal may be ignored."""

    blocking = False

    def open(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


class Journal(Service):
    """Appends each command to a file, at once. From its second start on, `open` waits for the file `gate`."""

    def __init__(self, path: str, gate: str = "") -> None:
        self.path = path
        self.gate = gate

    def open(self) -> None:
        if self.gate and os.path.exists(self.path):
            wait_for_file(self.gate)
        self.file = open(self.path, "a", buffering=1)  # noqa: SIM115 - closed in `close`

    def call(self, command: Any) -> int:
        self.file.write(f"{command}\n")
        return os.getpid()

    def close(self) -> None:
        self.file.close()


class Diary(Service):
    """Writes down the hooks as they are called."""

    def __init__(self, path: str) -> None:
        self.path = path

    def note(self, hook: str) -> None:
        with open(self.path, "a") as file:
            file.write(f"{hook} {os.getpid()}\n")

    def open(self) -> None:
        self.note("open")

    def start(self) -> None:
        self.note("start")

    def stop(self) -> None:
        self.note("stop")

    def close(self) -> None:
        self.note("close")

    def call(self, command: Any) -> int:
        return os.getpid()


class SlowStart(Service):
    """`start` does not end."""

    def start(self) -> None:
        time.sleep(3600)

    def call(self, command: Any) -> Any:
        return command


class DiesOnce(Service):
    """Kills its process in `stop`: a child that dies while its tree is closed."""

    def call(self, command: Any) -> Any:
        return command

    def stop(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Asker(Service):
    """Asks another service for each command, and answers when that has answered."""

    suspends = True

    def call(self, command: Any) -> Any:
        return self.outlets.store.call(command, timeout=20)


class Nest(Service):
    """Has a tree of its own, of one process service, which it starts with its first command."""

    blocking = True

    def open(self) -> None:
        self.inner: Any = None

    def call(self, command: Any) -> Any:
        from ipc import launch

        if self.inner is None:
            self.inner = launch(Where(), "process+pipe")
        return [os.getpid(), *self.inner.call(command)]

    def close(self) -> None:
        if self.inner is not None:
            self.inner.close()


def wait_for_file(path: str, within_s: float = 60.0) -> None:
    """Return when the file exists. Raises `TimeoutError`."""
    pause, deadline = threading.Event(), time.monotonic() + within_s
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        pause.wait(0.005)
