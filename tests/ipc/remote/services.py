"""Services that other machines reach in the tests, and a process that exposes one or calls one, to be killed."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any

from ipc import Curve, Interned, Service, Supervisor, connect, sendable


@sendable("remote.test.refusal")
class Refusal(Exception):
    """A sendable exception."""


class Private(Exception):
    """One that is not sendable."""


@sendable("remote.test.point")
@dataclass(frozen=True)
class Point:
    """A sendable value."""

    x: int
    y: int


class Order(Service):
    """Keeps what it was told; `None` asks for it all."""

    def start(self) -> None:
        self.seen: list[Any] = []

    def call(self, command: Any) -> Any:
        if command is None:
            return self.seen
        self.seen.append(command)
        return len(self.seen)


class Does(Service):
    """Does what it is told by name."""

    def call(self, command: Any) -> Any:
        match command:
            case ["big", size]:
                return b"x" * size
            case ["deep", levels]:
                value: Any = []
                for _ in range(levels):
                    value = [value]
                return value
            case "refuse":
                raise Refusal("no", 5)
            case "value":
                return int("x")
            case "private":
                raise Private("a secret")
            case "object":
                return object()
            case "interned":
                return Interned("remote.does", [1])
            case "die":
                os._exit(7)
            case "pid":
                return os.getpid()
        return command


class Late(Service):
    """Answers the earlier commands when it is told to; never, those that are not a number."""

    def start(self) -> None:
        self.tokens: list[Any] = []

    def call(self, command: Any) -> Any:
        if command == "answer":
            tokens, self.tokens = self.tokens, []
            for token, value in tokens:
                self.reply(token, value)
            return len(tokens)
        self.tokens.append((self.later(), command))
        return None


class Sharded(Service):
    """Dealt by command; a command that is no number has no key."""

    def start(self) -> None:
        self.seen: list[int] = []

    @staticmethod
    def shard_key(command: Any) -> Any:  # type: ignore[override]
        return command["key"] % 2

    def call(self, command: Any) -> Any:
        self.seen.append(command["number"])
        return [command["number"], command["key"]]


def main() -> None:
    """`expose public secret allowed`, or `connect endpoint public secret server_key`: says so, then waits."""
    what, *words = sys.argv[1:]
    if what == "expose":
        with Supervisor() as tree:
            tree.add("does", Late(), "inline")
            door = tree.expose("does", "tcp://127.0.0.1:*", Curve(words[0], words[1]), [words[2]])
            print(door.endpoint, flush=True)
            sys.stdin.read()
    else:
        endpoint, public, secret, server_key = words
        with connect(endpoint, "order", curve=Curve(public, secret), server_key=server_key) as client:
            print(client.call("here"), flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
