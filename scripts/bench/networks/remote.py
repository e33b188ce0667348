"""A network of one system spread over processes, told what to do from here."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from networks import System

WORKER = Path(__file__).with_name("worker.py")
ANSWER_S = 180.0
STOP_S = 25.0


class WorkerFailed(Exception):
    """A process of the network raised, died, or did not answer in time."""


class Worker:
    """One process. A death of its parent ends it: its socket ends."""

    def __init__(self, system: System) -> None:
        ours, its = socket.socketpair()
        try:
            command = [sys.executable, str(WORKER), str(its.fileno()), system.name]
            self.process = subprocess.Popen(command, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL)
        finally:
            its.close()
        ours.settimeout(ANSWER_S)
        self.socket = ours
        self.link = ours.makefile("rwb")

    @property
    def pid(self) -> int:
        return self.process.pid

    def tell(self, command: str, **arguments: Any) -> None:
        """Begin a command; `answer` must follow."""
        self.link.write(json.dumps([command, arguments]).encode() + b"\n")
        self.link.flush()

    def answer(self) -> Any:
        """Raises WorkerFailed."""
        try:
            line = self.link.readline()
        except TimeoutError:
            raise WorkerFailed(f"no answer within {ANSWER_S:.0f} s") from None
        if not line:
            raise WorkerFailed(f"the process ended with {self.process.wait(STOP_S)}")
        said = json.loads(line)
        if "error" in said:
            raise WorkerFailed(said["error"])
        return said["value"]

    def ask(self, command: str, **arguments: Any) -> Any:
        self.tell(command, **arguments)
        return self.answer()

    def kill(self) -> None:
        """SIGKILL, if it lives."""
        self.process.kill()
        self.process.wait(STOP_S)

    def close(self) -> None:
        """By now told to stop, or to be ended."""
        try:
            self.link.close()
        except OSError:
            pass
        self.socket.close()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_S)


class Network:
    """Nodes of one system, `spread[i]` of them in process i. The first process puts and gets. A context manager."""

    def __init__(self, system: System, spread: Sequence[int]) -> None:
        self.system, self.spread = system, spread
        self.workers: list[Worker] = []
        self.lost: list[Worker] = []

    def __enter__(self) -> Network:
        try:
            self.workers = [Worker(self.system) for _ in self.spread]
            for worker, count in zip(self.workers, self.spread, strict=True):
                worker.tell("start", count=count)
            here = [one for worker in self.workers for one in worker.answer()]
            ids, addresses = [one[0] for one in here], [one[1] for one in here]
            for worker in self.workers:
                worker.ask("join", ids=ids, addresses=addresses)
        except BaseException:
            self.close()
            raise
        return self

    @property
    def driver(self) -> Worker:
        return self.workers[0]

    def pids(self) -> list[int]:
        return [worker.pid for worker in self.workers]

    def lose_last(self, kill: bool) -> None:
        """End the last process without goodbye, or stop it where it is, until `close`."""
        worker = self.workers.pop()
        self.lost.append(worker)
        if kill:
            worker.kill()
        else:
            worker.process.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        for worker in self.workers:
            try:
                worker.socket.settimeout(STOP_S)
                worker.tell("stop")
            except OSError:
                pass
        for worker in self.workers:
            try:
                worker.answer()
            except (WorkerFailed, OSError):
                pass
            worker.close()
        for worker in self.lost:
            worker.kill()
            worker.close()
        self.workers, self.lost = [], []

    def __exit__(self, *_: object) -> None:
        self.close()
