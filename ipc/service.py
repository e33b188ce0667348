"""A service: an object that is given commands one at a time and answers. This file is the contract.

    hook            when                                              for
    __init__        where it is written                               parameters, captured as they are given
    open()          each time it arrives on a host                    what cannot be sent: files, sockets, environments
    start()         once, after the first open                        initial state
    call(command)   each command                                      the work; what it raises goes to that caller
    close()         each time it leaves a host                        release what open took; may not change state
    stop()          once, at the end, before the last close           say goodbye

State is every attribute but those first assigned in `open`. A restart after a death is a new object from the same
parameters: open, start. All hooks run on the service's host, never two at a time unless `concurrency` says so.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from .errors import CannotSuspend, IpcError
from .sendable import sendable

if TYPE_CHECKING:
    from .cell import Cell
    from .outlets import Outlets
    from .timers import Timer

T = TypeVar("T")
S = TypeVar("S", bound="Service")


@sendable("ipc.token")
@dataclass(frozen=True, slots=True)
class Token:
    """The right to answer one command later. Part of the service's state: it may be stored, and it moves along."""

    port: int
    run: int
    offset: int


@sendable("ipc.answer")
@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to `outlets.name.request(command, tag)`, given to `call` as a command of its own."""

    tag: Any
    value: Any = None
    error: BaseException | None = None

    def result(self) -> Any:
        """The value, or raises the error."""
        if self.error is not None:
            raise self.error
        return self.value


class Shard(int):
    """A key that names a shard by its number, and is not hashed: what `shard_key` returns where a command is for it.

    Where there are fewer shards, it counts around.
    """

    __slots__ = ()


class Point(int):
    """A key from 0 to 2**32 - 1 that is not hashed: each shard has a range of them, all equally long and in order."""

    __slots__ = ()


class _AnswerFields:
    """An `Answer` before it is frozen: the same slots, so that it becomes one by a change of class."""

    __slots__ = ("error", "tag", "value")

    def __init__(self, tag: Any, value: Any, error: BaseException | None) -> None:
        self.tag = tag
        self.value = value
        self.error = error


class _TokenFields:
    """A `Token` before it is frozen."""

    __slots__ = ("offset", "port", "run")

    def __init__(self, port: int, run: int, offset: int) -> None:
        self.port = port
        self.run = run
        self.offset = offset


def answer_to(tag: Any, value: Any, error: BaseException | None) -> Answer:
    """`Answer(tag, value, error)` in half the time: a frozen dataclass sets each field by a call."""
    fields: Any = _AnswerFields(tag, value, error)
    fields.__class__ = Answer
    return fields  # type: ignore[no-any-return]


def token_of(port: int, run: int, offset: int) -> Token:
    """`Token(port, run, offset)` in half the time."""
    fields: Any = _TokenFields(port, run, offset)
    fields.__class__ = Token
    return fields  # type: ignore[no-any-return]


class Service:
    """Base of every service. Subclass it, write `call`, and place it with `launch` or `Supervisor.add`."""

    __slots__ = ("__dict__", "__weakref__", "_ipc_cell", "_ipc_parameters")

    suspends: ClassVar[bool] = False
    """`call` is a plain function that waits half-way with `self.suspend`: it has its own stack, and is never inline."""
    blocking: ClassVar[bool] = False
    """`call` blocks its thread (disk, C libraries): it has a thread or a process to itself and joins no group."""
    concurrency: ClassVar[int] = 1
    """Commands served at once where `call` suspends or is a coroutine."""
    per_host: ClassVar[bool] = False
    """In a group: one shard on each host, reached only from that host."""
    restart_on_error: ClassVar[bool] = False
    """An exception raised by `call` also ends the service, which is then restarted; by default it goes on."""
    shard_key: ClassVar[Any] = None
    """`staticmethod` from a command to its key: commands with equal keys go to the same shard, in order."""

    _ipc_cell: Cell | None
    _ipc_parameters: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls: type[S], *args: Any, **kwargs: Any) -> S:
        self = object.__new__(cls)
        object.__setattr__(self, "_ipc_parameters", (args, kwargs))
        object.__setattr__(self, "_ipc_cell", None)
        return self

    # -- hooks ---------------------------------------------------------------------------------------------------------

    def open(self) -> Any:
        """Take what cannot be sent. May be `async def`."""

    def start(self) -> Any:
        """Set the initial state. May be `async def`."""

    def call(self, command: Any) -> Any:
        """Serve one command and return its reply; may be `async def`. Required."""
        raise NotImplementedError(f"{type(self).__qualname__} does not define call")

    def close(self) -> Any:
        """Release what `open` took. May be `async def`."""

    def stop(self) -> Any:
        """Say goodbye. May be `async def`."""

    def reshard(self, states: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
        """Give the states of `count` shards from the states of the present ones. Required to change `:n` with state.

        Called on a fresh object made from the service's parameters.
        """
        raise NotImplementedError(f"{type(self).__qualname__} keeps state and does not define reshard(states, count)")

    # -- for use inside the hooks --------------------------------------------------------------------------------------

    @property
    def outlets(self) -> Outlets:
        """The named outlets that were wired when the service was added."""
        return (self._ipc_cell or self._ipc_placed()).outlets

    def later(self) -> Token:
        """Take the right to answer the present command later, with `reply`; what this `call` returns is not sent."""
        return (self._ipc_cell or self._ipc_placed()).later()

    def reply(self, token: Token, value: Any = None, *, error: BaseException | None = None) -> None:
        """Answer a command whose token was taken, with a value or an error.

        Raises `IpcError` where the token was answered already. A caller that no longer waits is not an error.
        """
        (self._ipc_cell or self._ipc_placed()).reply(token, value, error)

    def suspend(self, awaitable: Awaitable[T] | None = None) -> T:
        """Wait half-way in a call, from any depth of plain functions, while the host serves others.

        With an awaitable it is run as a task of the host, and its result returned; with none the host gets one turn.
        Raises `CannotSuspend` in a service that does not set `suspends`, and outside its own call.
        """
        return cast(T, self._ipc_placed().suspend(awaitable))

    def after(self, delay_s: float, command: Any) -> Timer:
        """Have a command come to this service in so many seconds, as one of its own; works under every placement.

        The timer is state: it moves along with what is left of it. It dies with the service. Raises `ValueError`.
        """
        return self._ipc_placed().timers.after(delay_s, command)

    @property
    def shard(self) -> int:
        """Which of its service's shards this is, counted from 0; commands with the key `Shard(number)` come here."""
        return self._ipc_placed().shard

    @property
    def shards(self) -> int:
        """Among how many the service is divided now."""
        return self._ipc_placed().shards

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of this host: for sockets (`open` registers them, `close` removes them) and tasks of your own.

        Raises `IpcError` for an inline service of a tree without an event loop.
        """
        loop: asyncio.AbstractEventLoop = self._ipc_placed().host.loop
        return loop

    def _ipc_placed(self) -> Cell:
        if (cell := self._ipc_cell) is None:
            raise IpcError(f"{type(self).__qualname__} is not placed: use it through launch or a Supervisor")
        return cell


def waits_in_place(cls: type[Service]) -> bool:
    """Whether the class needs its stack kept while it waits: it suspends, or its `call` is a coroutine."""
    return cls.suspends or is_async(cls)


def is_async(cls: type[Service]) -> bool:
    """Whether `call` is written as `async def`."""
    return inspect.iscoroutinefunction(cls.call)


def check_class(cls: type[Service]) -> None:
    """Refuse, with `TypeError`, a service class that contradicts itself."""
    if not (isinstance(cls, type) and issubclass(cls, Service)):
        raise TypeError(f"{cls!r} is not a Service; give launch an object of a class derived from ipc.Service")
    if cls.call is Service.call:
        raise TypeError(f"{cls.__qualname__} does not define call(self, command)")
    if slots := [name for base in cls.__mro__ if base is not Service for name in _slots(base)]:
        raise TypeError(
            f"{cls.__qualname__} keeps {slots[0]!r} in __slots__, where it would not be state: leave __slots__ out"
        )
    params = getattr(cls, "__dataclass_params__", None)
    if params is not None and params.frozen:
        raise TypeError(f"{cls.__qualname__} is a frozen dataclass, which cannot be placed: leave frozen=True out")
    if cls.concurrency < 1:
        raise TypeError(f"{cls.__qualname__}.concurrency is {cls.concurrency}; it must be at least 1")
    if cls.concurrency > 1 and not waits_in_place(cls):
        raise TypeError(
            f"{cls.__qualname__}.concurrency needs suspends = True or an async call: plain calls run one at a time"
        )
    if cls.suspends and is_async(cls):
        raise TypeError(f"{cls.__qualname__} has an async call: it awaits, so suspends must stay False")
    if cls.blocking and waits_in_place(cls):
        raise TypeError(f"{cls.__qualname__} cannot both block its thread and suspend")
    if cls.shard_key is not None:
        try:
            inspect.signature(cls.shard_key).bind(None)
        except TypeError:
            raise TypeError(f"{cls.__qualname__}.shard_key must be a staticmethod that takes the command") from None


def _slots(cls: type) -> list[str]:
    names = vars(cls).get("__slots__", ())
    names = [names] if isinstance(names, str) else names
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def cannot_suspend(cls: type[Service]) -> CannotSuspend:
    """The error for a service that waits without having said that it does."""
    return CannotSuspend(
        f"{cls.__qualname__} waits half-way in a call: set suspends = True (greenlet), write async def call, or set "
        "blocking = True; then place it in a coroutine, a thread or a process"
    )
