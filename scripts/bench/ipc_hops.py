"""What a hop between services of one event loop costs, in CPU nanoseconds: what a node does for each operation.

    python scripts/bench/ipc_hops.py [--repeats 7] [--json FILE]

All services are `inline` in a tree that lives on a running loop (uvloop where installed), as a node's are by default.
Commands are small frozen dataclasses. Every number is the median of several turns, the cases taken turn by turn.

    acall, future       a client on the same loop asks a service that answers at once
    ask                 the client asks A; A takes a token, asks B, and replies when B's answer has come
    chain               the same through A, B and C: a hop more, and what the services themselves do in it
    round trip          A asks B and gets its answer, again and again: one `request` and its `Answer`
    later, reply        what a token taken and completed in one call adds to a round trip
    cast                A casts to B
    after               a timer started and cancelled
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from time import thread_time_ns
from typing import Any

from ipc import Answer, Client, Service, Supervisor
from ipc.loops import new_loop

OPERATIONS = 2_000
"""Operations of one measured turn: about 10 ms."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A command as a node's are: an address, and an object that holds some more."""

    address: bytes
    value: object = None


@dataclass(frozen=True, slots=True)
class Drive:
    """Have the driver ask so many times, one after the other, by this outlet; or cast."""

    times: int
    outlet: str
    cast: bool = False


ASK = Ask(bytes(32), (b"v" * 256, 7))


class AtOnce(Service):
    """Answers at once."""

    def call(self, command: Any) -> Any:
        return command


class WithToken(Service):
    """Takes a token, and completes it in the same call."""

    def call(self, command: Any) -> None:
        self.reply(self.later(), command)


class Asks(Service):
    """Answers what its outlet `next` answers."""

    def start(self) -> None:
        self.waiting: dict[int, Any] = {}
        self.last = 0

    def call(self, command: Any) -> None:
        if type(command) is Answer:
            self.reply(self.waiting.pop(command.tag), command.value)
            return
        self.last += 1
        self.waiting[self.last] = self.later()
        self.outlets.next.request(command, self.last)


class Driver(Service):
    """Asks, or casts, as often as it is told."""

    left: int
    way: Any
    token: Any

    def call(self, command: Any) -> None:
        if type(command) is Answer:
            if self.left:
                self.left -= 1
                self.way.request(ASK, self.left)
            else:
                self.reply(self.token)
            return
        self.way = self.outlets[command.outlet]
        if command.cast:
            for _ in range(command.times):
                self.way.cast(ASK)
            return
        self.token = self.later()
        self.left = command.times - 1
        self.way.request(ASK, self.left)


class Clock(Service):
    """Starts and cancels timers."""

    def call(self, command: Any) -> None:
        for _ in range(command.times):
            self.after(30.0, None).cancel()


async def acalls(client: Client) -> None:
    """One at a time."""
    for _ in range(OPERATIONS):
        await client.acall(ASK)


async def futures(client: Client) -> None:
    """Those of services that answer within the call; nobody waits."""
    for _ in range(OPERATIONS):
        client.future(ASK)


async def turn(work: Awaitable[Any]) -> float:
    """CPU nanoseconds an operation."""
    begun = thread_time_ns()
    await work
    return (thread_time_ns() - begun) / OPERATIONS


async def measure(repeats: int) -> dict[str, float]:
    """Every case's median, in CPU nanoseconds an operation."""
    async with Supervisor() as tree:
        await tree.aadd("echo", AtOnce())
        await tree.aadd("token", WithToken())
        await tree.aadd("asks", Asks(), outlets={"next": "echo"})
        await tree.aadd("chain", Asks(), outlets={"next": "asks"})
        await tree.aadd("clock", Clock())
        ways = {"once": "echo", "token": "token"}
        await tree.aadd("driver", Driver(), outlets=ways)
        clients = {name: await tree.aclient(name) for name in tree.names()}
        driver = clients["driver"]
        cases: dict[str, Callable[[], Awaitable[Any]]] = {
            "acall": lambda: acalls(clients["echo"]),
            "future": lambda: futures(clients["echo"]),
            "ask": lambda: acalls(clients["asks"]),
            "chain": lambda: acalls(clients["chain"]),
            "round trip": lambda: driver.acall(Drive(OPERATIONS, "once")),
            "with a token": lambda: driver.acall(Drive(OPERATIONS, "token")),
            "cast": lambda: driver.acall(Drive(OPERATIONS, "once", cast=True)),
            "after": lambda: clients["clock"].acall(Drive(OPERATIONS, "")),
        }
        seen: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(repeats + 1):
            for name, case in cases.items():
                seen[name].append(await turn(case()))
        numbers = {name: statistics.median(turns[1:]) for name, turns in seen.items()}
    numbers["later, reply"] = numbers.pop("with a token") - numbers["round trip"]
    return numbers


def main() -> int:
    """Measure, print a line a case, and write the numbers where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7, help="measured turns of each case (default 7)")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        numbers = runner.run(measure(max(1, options.repeats)))
    for name, nanoseconds in numbers.items():
        print(f"{name:<14}{nanoseconds:>9,.0f} ns")
    if options.json:
        options.json.write_text(json.dumps(numbers, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
