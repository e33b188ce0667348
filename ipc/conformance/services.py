"""Services that the checks place, in this process and in others.

A channel must be known in every process that uses it. A service with a recipe (module, qualified name and temporary
name of what makes the channel) registers it where the service is made; a tree sends that recipe as a parameter, by its
own descriptor.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from ..channels.base import CHANNELS, Channel, register_channel
from ..service import Answer, Service


def find(module: str, qualname: str) -> Any:
    """What an import path names. Raises `ImportError`, `AttributeError`."""
    if module == "__main__" and "__mp_main__" in sys.modules:
        module = "__mp_main__"
    found: Any = sys.modules.get(module) or importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def adopt(recipe: Sequence[str]) -> None:
    """Register the channel of a recipe here, unless there is none or it is known."""
    if not recipe or recipe[2] in CHANNELS:
        return
    channel: Channel = find(recipe[0], recipe[1])()
    channel.name = recipe[2]
    register_channel(channel)


class Placed(Service):
    """Base of the others: takes a recipe."""

    def __init__(self, recipe: Sequence[str] = ()) -> None:
        adopt(recipe)


class Echo(Placed):
    """Gives every command back."""

    def call(self, command: Any) -> Any:
        return command


class Notes(Placed):
    """Writes down every command and gives it back; `take` asks for all that was written."""

    def start(self) -> None:
        self.notes: list[Any] = []

    def call(self, command: Any) -> Any:
        if command == "take":
            return self.notes
        self.notes.append(command)
        return command


class Act(Placed):
    """Does what a command [verb, argument] says."""

    def start(self) -> None:
        self.total = 0

    def call(self, command: Sequence[Any]) -> Any:
        verb, argument = command
        return getattr(self, f"do_{verb}")(argument)

    def do_add(self, argument: int) -> int:
        """Add to the total, and give it."""
        self.total += argument
        return self.total

    def do_where(self, argument: Any) -> list[int]:
        """Process and thread, as the system numbers them."""
        return [os.getpid(), threading.get_native_id()]

    def do_raise(self, argument: str) -> None:
        """Fail this command."""
        raise ValueError(argument)

    def do_exit(self, argument: int) -> None:
        """End the service."""
        raise SystemExit(argument)

    def do_sleep(self, argument: float) -> float:
        """Keep the thread busy."""
        time.sleep(argument)
        return argument


class Sharded(Act):
    """`Act` by key: commands are [verb, argument], dealt by their argument."""

    shard_key = staticmethod(lambda command: command[1])


class Blocking(Act):
    """`Act` that may park its thread."""

    blocking = True


class Awaiting(Placed):
    """Waits by `await`; a command is the seconds, and the reply."""

    concurrency = 8

    async def call(self, command: float) -> float:
        await asyncio.sleep(command)
        return command


class Suspending(Placed):
    """Waits deep inside plain functions."""

    suspends = True
    concurrency = 8

    def call(self, command: float) -> float:
        return self._deep(command, 3)

    def _deep(self, command: float, depth: int) -> float:
        if depth:
            return self._deep(command, depth - 1)
        self.suspend(asyncio.sleep(command))
        return command


class Relay(Placed):
    """Asks `target` and passes its answers back."""

    def call(self, command: Any) -> Any:
        if isinstance(command, Answer):
            self.reply(command.tag, command.value, error=command.error)
        else:
            self.outlets.target.request(command, self.later())


class Diary(Service):
    """Writes each hook into a file, with process and thread; a command is given back."""

    def __init__(self, path: str) -> None:
        self.path = path

    def _write(self, hook: str) -> None:
        line = f"{hook} {os.getpid()} {threading.get_native_id()}\n".encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def open(self) -> None:
        self._write("open")
        self.taken = True

    def start(self) -> None:
        time.sleep(0.05)
        self._write("start")
        self.commands = 0

    def call(self, command: Any) -> Any:
        self._write("call")
        self.commands += 1
        return self.commands

    def stop(self) -> None:
        self._write("stop")

    def close(self) -> None:
        self._write("close")


class Refusing(Service):
    """Fails in the hook that it is told."""

    def __init__(self, hook: str) -> None:
        self.hook = hook

    def open(self) -> None:
        self._refuse("open")

    def start(self) -> None:
        self._refuse("start")

    def _refuse(self, hook: str) -> None:
        if hook == self.hook:
            raise ValueError(f"{hook} refuses")

    def call(self, command: Any) -> Any:
        return command
