"""Services that the tests place. They live here, not in the tests, so that a child process imports nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipc import Answer, CannotSuspend, Service, Token, sendable

# -- waiting for each other across processes ---------------------------------------------------------------------------


@sendable("test.gate")
@dataclass(frozen=True)
class Gate:
    """A named pipe (fifo(7)): opening one end waits for the other, so each side knows that the other is there."""

    path: str

    @classmethod
    def make(cls, path: Path) -> Gate:
        """A gate at a path where there is nothing yet."""
        os.mkfifo(path)
        return cls(str(path))

    def wait(self) -> None:
        """In the service: wait until the test has seen us here and lets us go on."""
        with open(self.path, "rb") as end:
            end.read()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """In the test: wait until a call is at the gate; it goes on when the block ends."""
        fd = os.open(self.path, os.O_WRONLY)
        try:
            yield
        finally:
            os.close(fd)

    def release(self) -> None:
        """In the test: wait until a call is at the gate, and let it go on."""
        with self.held():
            pass


def append(path: str, line: str) -> None:
    """Add a line to a file, whole, from whichever process."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, f"{line}\n".encode())
    finally:
        os.close(fd)


def lines(path: Path) -> list[str]:
    """The lines of a file; none where it does not exist."""
    return path.read_text().splitlines() if path.exists() else []


# -- errors ------------------------------------------------------------------------------------------------------------


@sendable("test.stock_empty")
class StockEmpty(Exception):
    """A sendable exception of our own."""

    def __init__(self, item: str, wanted: int) -> None:
        super().__init__(item, wanted)
        self.item = item
        self.wanted = wanted

    def __str__(self) -> str:
        return f"no {self.item}: {self.wanted} wanted"


class Unregistered(Exception):
    """An exception that another process does not know."""


# -- plain services ----------------------------------------------------------------------------------------------------


class Counter(Service):
    """Adds up."""

    def start(self) -> None:
        self.total = 0

    def call(self, command: int) -> int:
        self.total += command
        return self.total


class Echo(Service):
    """Gives back what it is given; `raise` and `exit` do what they say, `pid` says where it is, `gate` waits there."""

    def __init__(self, gate: Gate | None = None) -> None:
        self.gate = gate

    def call(self, command: Any) -> Any:
        if type(command) is str:
            if command == "raise":
                raise ValueError("asked to")
            if command == "exit":
                raise SystemExit(3)
            if command == "pid":
                return os.getpid()
            if command == "thread":
                return threading.current_thread().name
            if command == "gate":
                assert self.gate is not None
                self.gate.wait()
        return command


class Life(Service):
    """Writes the name of each hook to a file."""

    def __init__(self, path: str, failing: str = "") -> None:
        self.path = path
        self.failing = failing

    def note(self, hook: str) -> None:
        append(self.path, hook)
        if hook == self.failing:
            raise RuntimeError(f"{hook} failed")

    def open(self) -> None:
        self.note("open")

    def start(self) -> None:
        self.note("start")

    def call(self, command: Any) -> Any:
        self.note("call")
        return command

    def close(self) -> None:
        self.note("close")

    def stop(self) -> None:
        self.note("stop")


class FailsAt(Service):
    """Its `open` (or `close`) fails the n-th time, wherever that is; the times are counted in a file."""

    def __init__(self, path: str, hook: str, time: int) -> None:
        self.path = path
        self.hook = hook
        self.time = time
        self.total = 0

    def _count(self, hook: str) -> None:
        append(self.path, hook)
        if hook == self.hook and lines(Path(self.path)).count(hook) == self.time:
            raise OSError(28, f"{hook} number {self.time} fails")

    def open(self) -> None:
        self._count("open")
        self.handle = threading.Lock()

    def close(self) -> None:
        self._count("close")

    def call(self, command: int) -> int:
        with self.handle:
            self.total += command
            return self.total


class Opened(Service):
    """Has an attribute that `open` assigns first, and others that it does not."""

    def __init__(self) -> None:
        self.shared = "by __init__"

    def open(self) -> None:
        self.handle: Any = "by open"
        self.lock = threading.Lock()
        self.shared = "by open"

    def start(self) -> None:
        self.begun = True

    def call(self, command: str) -> Any:
        if command == "rebind":
            self.handle = threading.Lock()
            self.shared = "by call"
        if command == "begun":
            return self.begun
        if command == "shared":
            return self.shared
        return self.handle if isinstance(self.handle, str) else type(self.handle).__name__


class Parameters(Service):
    """Says what it was made with."""

    def __init__(self, first: Any, *rest: Any, key: Any = None) -> None:
        self.given = [first, list(rest), key]

    def call(self, command: Any) -> Any:
        if command == "spoil":
            self.given.append("spoilt")
        if command == "exit":
            raise SystemExit(1)
        return self.given


class Raiser(Service):
    """Raises what it is told to."""

    def call(self, command: Any) -> Any:
        if command == "builtin":
            raise KeyError("nobody")
        if command == "os":
            raise FileNotFoundError(2, "No such file or directory", "/nowhere")
        if command == "sendable":
            raise StockEmpty("bolts", 12)
        if command == "unregistered":
            raise Unregistered("from afar")
        if command == "base":
            raise SystemExit(7)
        return command


class StartFails(Service):
    """Does not come up."""

    def start(self) -> None:
        raise StockEmpty("luck", 1)

    def call(self, command: Any) -> Any:
        return command


class OpenFails(StartFails):
    """Does not come up, earlier."""

    def open(self) -> None:
        raise ConnectionRefusedError(111, "Connection refused")


class Unmade(Service):
    """Cannot be made where it is to live."""

    def __init__(self, home: int) -> None:
        if os.getpid() != home:
            raise ValueError("made elsewhere")

    def call(self, command: Any) -> Any:
        return command


class Fragile(Service):
    """Ends with its first error; then a new one begins."""

    restart_on_error = True

    def start(self) -> None:
        self.total = 0

    def call(self, command: int) -> int:
        if command < 0:
            raise ValueError("negative")
        self.total += command
        return self.total


class Later(Service):
    """Keeps the right to answer, and answers when it is told to."""

    def start(self) -> None:
        self.tokens: list[Token] = []
        self.served = 0

    def call(self, command: Any) -> Any:
        if command == "count":
            return len(self.tokens)
        if command == "answer":
            tokens, self.tokens = self.tokens, []
            for index, token in enumerate(tokens):
                self.reply(token, index)
            return len(tokens)
        if command == "refuse":
            for token in self.tokens:
                self.reply(token, error=StockEmpty("patience", 1))
            self.tokens.clear()
            return None
        if command == "twice":
            token = self.tokens[0]
            self.reply(token, 1)
            self.reply(token, 2)
        self.tokens.append(self.later())
        return "is not sent"


class Recorder(Service):
    """Takes (sender, number) from many, and notes whoever's numbers do not come one by one."""

    def start(self) -> None:
        self.next: dict[int, int] = {}
        self.faults: list[list[Any]] = []
        self.served = 0

    def call(self, command: Any) -> Any:
        if command == "report":
            return [self.next, self.faults, self.served]
        sender, number = command
        expected = self.next.get(sender, 0)
        if number != expected and len(self.faults) < 20:
            self.faults.append([sender, expected, number])
        self.next[sender] = number + 1
        self.served += 1
        return number


class Unsendable(Service):
    """Gets a lock among its attributes when it is told to."""

    def start(self) -> None:
        self.total = 0
        self.nested: Any = None
        self.guard: Any = None

    def call(self, command: Any) -> Any:
        if command == "lock":
            self.guard = threading.Lock()
        elif command == "nest":
            self.nested = {"deep": [threading.Lock()]}
        elif command == "clean":
            self.guard = self.nested = None
        else:
            self.total += command
        return self.total


class Slow(Service):
    """Notes what it served, and where; waits at its gate for `gate`."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def start(self) -> None:
        self.log: list[Any] = []

    def call(self, command: Any) -> Any:
        if command == "gate":
            self.gate.wait()
        elif command == "log":
            return self.log
        self.log.append(command)
        return [command, os.getpid()]


class AsyncSlow(Service):
    """As `Slow`, but its host goes on while it waits; the test that made the object opens it by `let_go`."""

    def open(self) -> None:
        self.event = asyncio.Event()
        self.home = asyncio.get_running_loop()
        self.entered = threading.Event()

    def start(self) -> None:
        self.log: list[Any] = []

    async def call(self, command: Any) -> Any:
        if command == "gate":
            self.entered.set()
            await self.event.wait()
        elif command == "log":
            return self.log
        self.log.append(command)
        return [command, os.getpid()]

    def let_go(self) -> None:
        """From the test's thread."""
        self.home.call_soon_threadsafe(self.event.set)


# -- services that reach others ----------------------------------------------------------------------------------------


class Asker(Service):
    """Passes (outlet, command) on by request, and answers when the answer has come."""

    def start(self) -> None:
        self.asked = 0
        self.open_tokens: dict[int, Token] = {}
        self.log: list[Any] = []

    def call(self, command: Any) -> Any:
        if isinstance(command, Answer):
            token = self.open_tokens.pop(command.tag)
            self.reply(token, command.value, error=command.error)
            return None
        if command == "open":
            return len(self.open_tokens)
        outlet, inner = command
        self.asked += 1
        self.open_tokens[self.asked] = self.later()
        self.outlets[outlet].request(inner, self.asked)
        return None


class Tagger(Service):
    """Asks with tags of its own, and keeps the answers as they come."""

    def start(self) -> None:
        self.answers: list[Any] = []

    def call(self, command: Any) -> Any:
        if isinstance(command, Answer):
            self.answers.append([command.tag, command.value, type(command.error).__name__ if command.error else None])
        elif command == "answers":
            return self.answers
        else:
            outlet, inner, tag = command
            self.outlets[outlet].request(inner, tag)
        return None


class Caster(Service):
    """Casts (outlet, command) on."""

    def call(self, command: Any) -> None:
        outlet, inner = command
        self.outlets[outlet].cast(inner)


class Forwarder(Service):
    """Casts numbers on to the next of a row until they reach zero; notes how deep the stack was."""

    def start(self) -> None:
        self.log: list[int] = []

    def call(self, command: Any) -> Any:
        if command == "log":
            return self.log
        self.log.append(command)
        if command > 0:
            self.outlets.next.cast(command - 1)
        return None


class Ring(Service):
    """Requests the next of a ring until the hops are used up; the path comes back the way it went."""

    def __init__(self, name: str) -> None:
        self.name = name

    def start(self) -> None:
        self.tag = 0
        self.waiting: dict[int, Token] = {}

    def call(self, command: Any) -> Any:
        if isinstance(command, Answer):
            self.reply(self.waiting.pop(command.tag), [self.name, *command.result()])
            return None
        if command == 0:
            return [self.name]
        self.tag += 1
        self.waiting[self.tag] = self.later()
        self.outlets.next.request(command - 1, self.tag)
        return None


class Suspending(Service):
    """Calls others and waits, from deep inside plain functions."""

    suspends = True

    def start(self) -> None:
        self.calls = 0

    def call(self, command: Any) -> Any:
        if command == "turn":
            return self.suspend()
        if command == "sleep":
            return self.suspend(asyncio.sleep(0, "slept"))
        if command == "fail":
            return self.suspend(self._fails())
        outlet, inner = command
        return self._deep(outlet, inner, 20)

    async def _fails(self) -> None:
        await asyncio.sleep(0)
        raise KeyError("inside")

    def _deep(self, outlet: str, inner: Any, depth: int) -> Any:
        if depth:
            return self._deep(outlet, inner, depth - 1)
        self.calls += 1
        return self.outlets[outlet].call(inner, timeout=5.0)


class Blocking(Service):
    """Calls others and blocks its thread meanwhile."""

    blocking = True

    def call(self, command: Any) -> Any:
        outlet, inner = command
        return self.outlets[outlet].call(inner, timeout=5.0)


class Awaiting(Service):
    """Calls others and awaits."""

    async def call(self, command: Any) -> Any:
        outlet, inner = command
        return await self.outlets[outlet].acall(inner, timeout=5.0)


class AwaitingMany(Awaiting):
    """The same, many at a time."""

    concurrency = 64


class Impatient(Service):
    """A plain service that tries to wait."""

    def call(self, command: Any) -> Any:
        if command == "suspend":
            return self.suspend(asyncio.sleep(0))
        if command == "caught":
            try:
                self.outlets.target.call(1)
            except CannotSuspend as error:
                return str(error)
        if command == "unknown":
            return self.outlets.nowhere.cast(1)
        return self.outlets.target.call(command)


# -- many at a time ----------------------------------------------------------------------------------------------------


class Crowd(Service):
    """Waits until as many calls as it may serve at once are there; says how many it saw."""

    concurrency = 8

    def open(self) -> None:
        self.inside = 0
        self.most = 0
        self.full = asyncio.Event()

    async def call(self, command: Any) -> Any:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside == self.concurrency:
            self.full.set()
        await self.full.wait()
        self.inside -= 1
        return self.most


class GreenCrowd(Crowd):
    """The same with a stack of its own for each."""

    suspends = True

    def call(self, command: Any) -> Any:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside == self.concurrency:
            self.full.set()
        self.suspend(self.full.wait())
        self.inside -= 1
        return self.most


class Where(Service):
    """Says on which loop, thread and process it runs."""

    async def call(self, command: Any) -> Any:
        return [id(asyncio.get_running_loop()), threading.get_ident(), os.getpid()]


class BlockingWhere(Service):
    """Says where it runs, and that its thread has no loop that it would stop."""

    blocking = True

    def call(self, command: Any) -> Any:
        return [threading.current_thread() is threading.main_thread(), threading.get_ident(), os.getpid()]


class Ticker(Service):
    """Sleeps as long as it is told, by the clock of its loop."""

    concurrency = 100

    def start(self) -> None:
        self.log: list[Any] = []

    async def call(self, command: Any) -> Any:
        loop = asyncio.get_running_loop()
        if command == "log":
            return list(self.log)
        if command == "trace":
            return [loop.time(), list(self.log)]
        await asyncio.sleep(command)
        self.log.append([loop.time(), command])
        return loop.time()


# -- shards and groups -------------------------------------------------------------------------------------------------


def key_of(command: Any) -> Any:
    """The key of a command of `Sharded`."""
    return command[0] if type(command) is list else command


class Sharded(Service):
    """Counts by key; each shard has its own keys."""

    shard_key = staticmethod(key_of)

    def start(self) -> None:
        self.counts: dict[str, int] = {}
        self.log: list[Any] = []

    def call(self, command: Any) -> Any:
        key, number = command
        self.counts[key] = self.counts.get(key, 0) + 1
        self.log.append(number)
        return [self.counts[key], os.getpid(), threading.current_thread().name, id(self)]


class Resharded(Sharded):
    """Can be divided anew."""

    def reshard(self, states: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
        from ipc.channels.port import shard_of

        divided: list[dict[str, Any]] = [{"counts": {}, "log": []} for _ in range(count)]
        for state in states:
            for key, number in state["counts"].items():
                divided[shard_of(key, count)]["counts"][key] = number
        return divided


class Stateless(Service):
    """Has shards, and nothing to divide."""

    shard_key = staticmethod(key_of)

    def call(self, command: Any) -> Any:
        return [os.getpid(), threading.current_thread().name]


class Member(Service):
    """A small service of a group."""

    def call(self, command: Any) -> Any:
        return [command, os.getpid(), threading.current_thread().name]


class PerHost(Service):
    """One on each host of its group."""

    per_host = True

    def call(self, command: Any) -> Any:
        return [os.getpid(), threading.current_thread().name]


class PerHostAsker(Asker):
    """One on each host, asking what is beside it."""

    per_host = True

    def call(self, command: Any) -> Any:
        if command == "where":
            return [os.getpid(), threading.current_thread().name]
        return super().call(command)


class HostReport(Asker):
    """A sharded service that says where it is, and asks its neighbour where that is."""

    shard_key = staticmethod(key_of)

    def call(self, command: Any) -> Any:
        if isinstance(command, Answer):
            token = self.open_tokens.pop(command.tag)
            self.reply(token, [[os.getpid(), threading.current_thread().name], command.result()])
            return None
        self.asked += 1
        self.open_tokens[self.asked] = self.later()
        self.outlets.beside.request("where", self.asked)
        return None


# -- inside a tree of their own ----------------------------------------------------------------------------------------


class Launcher(Service):
    """Launches another service from inside a call."""

    def call(self, command: Any) -> Any:
        from ipc import launch

        with launch(Counter(), command) as client:
            return client.call(5)


class BlockingLauncher(Launcher):
    """May do so: its thread is its own."""

    blocking = True
