"""A store service in several parts: which part a command is for, the numbers of all together, and having them on disk.

Each part is a shard of the service, with a range of addresses (`store.parts`); so whoever asks need not know how many
there are.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any, Final, TypeVar

from ipc import Point, Shard

from ...errors import RemoteError
from ...limits import HASH_BYTES
from ...model import address_in
from ...store import PartsUnclear, Region, StoreInUse, StoreStats
from ...store.parts import last_address, point_of
from ...store.reshard import Progress
from ..commands import Get, GetAll, Put, Serve
from ..upkeep.commands import Renew, Scan
from .commands import StoreNumbers

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)

_STEPS: Final = 10
_SAY_S: Final = 10.0
"""The log says how far a division is after each tenth of it, and after as many seconds: somebody waits for it."""

IN_USE_S: Final = 3.0
"""Seconds that somebody else may still have a store's files: a sync takes milliseconds, on a busy disk a second."""

_AGAIN_S: Final = 0.05
"""Seconds after which they are asked for again."""

_ROUNDS: Final = 8
"""Times that the numbers of all parts are begun anew, because it was divided meanwhile."""

_LAST: Final = 1 << 8 * HASH_BYTES

Then = Callable[[Any, Exception | None], None]


def part_for(command: Any) -> Point | Shard:
    """Where a command of the store service belongs."""
    kind = type(command)
    if kind is Serve:
        return Point(point_of(address_of(command)))
    if kind is Renew:
        return Point(point_of(command.address))
    if kind is Scan:
        return Point(point_of(_next_address(command)))
    if kind is StoreNumbers:
        return Shard(command.part)
    return Point(0)


def address_of(serve: Serve) -> bytes:
    """Where that which is asked for, or put, belongs."""
    question = serve.question
    if type(question) is Put:
        try:
            return address_in(question.record)
        except RemoteError:
            return bytes(HASH_BYTES)  # no record: any part says so
    assert isinstance(question, Get | GetAll), "nothing else is asked of a store"
    return question.address


def scanned_on(scan: Scan, after: bytes | None, part: int, parts: int) -> bytes | None:
    """Behind which slot a scan goes on, where this part has said `after`: at its end, with the next part."""
    if after is not None or part == parts - 1:
        return after
    end = last_address(part, parts)
    return end if Region.sharing(scan.centre, scan.bits).ranges[-1][1] > end else None


def _next_address(scan: Scan) -> bytes:
    """The first address that a scan may still find something at."""
    first = Region.sharing(scan.centre, scan.bits).ranges[0][0]
    after = scan.after
    if after is None:
        return first
    if len(after) > HASH_BYTES:  # another owner at the same address may follow
        return max(first, after[:HASH_BYTES])
    return max(first, min(int.from_bytes(after, "big") + 1, _LAST - 1).to_bytes(HASH_BYTES, "big"))


# -- numbers -----------------------------------------------------------------------------------------------------------


def ask_all(ask: Callable[[StoreNumbers, Then], None], tell: Then) -> None:
    """Ask one part after the other for its numbers; `tell` is told those of the whole store, or the first error."""
    found: list[StoreStats] = []
    again = 0

    def answered(stats: StoreStats | None, error: Exception | None) -> None:
        nonlocal again
        if stats is None:
            tell(None, error)
            return
        if found and stats.parts != found[0].parts:
            found.clear()  # it was divided meanwhile
            again += 1
            if again == _ROUNDS:
                tell(
                    None, PartsUnclear("the store", f"its parts disagree how many there are: {stats.parts} and others")
                )
                return
        else:
            found.append(stats)
        if found and len(found) == stats.parts:
            tell(total(found), None)
        else:
            ask(StoreNumbers(len(found)), answered)

    ask(StoreNumbers(), answered)


def total(found: list[StoreStats]) -> StoreStats:
    """All parts together; of the readers, which are the same in every part, the most."""
    sums = {field.name: sum(getattr(one, field.name) for one in found) for field in fields(StoreStats)}
    return StoreStats(**{**sums, "parts": len(found), "readers": max(one.readers for one in found)})


# -- on disk -----------------------------------------------------------------------------------------------------------


async def settled(path: str, parts: int) -> None:
    """Have the store on disk in so many parts; see `store.lmdb.settle` for what it raises.

    It takes a minute for some millions of records, and the log says how far it is. Cancelled, it ends with the page
    that it is at, and the next start goes on from there.
    """
    from ...store.lmdb import Layout, read_layout

    if read_layout(path) == Layout(parts):
        return
    stop = threading.Event()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="mdht-reshard") as helper:
        try:
            await when_free(
                lambda: asyncio.shield(
                    loop.run_in_executor(helper, lambda: divide(path, parts, stop=stop)),
                )
            )
        except asyncio.CancelledError:
            stop.set()
            raise


async def when_free(use: Callable[[], Awaitable[T]]) -> T:
    """Use files of a store, and try again where another process has them: one that writes for a node which was killed
    ends with the batch that it is at. Raises StoreInUse after `IN_USE_S`.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + IN_USE_S
    while True:
        try:
            return await use()
        except StoreInUse:
            if loop.time() > until_s:
                raise
        await asyncio.sleep(_AGAIN_S)


def divide(path: str, parts: int, *, stop: threading.Event | None = None, within_s: float | None = None) -> None:
    """`store.lmdb.settle`, and the log says how far it is: as a warning, since nothing is served meanwhile. Blocks."""
    from ...store.lmdb import settle

    log = Log(path)
    if settle(path, parts, log, stop=stop, within_s=within_s):
        log.end(parts)


class Log:
    """Writes progress to the log, now and then."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._step = -1
        self._began_s = self._said_s = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """For `settle`."""
        step, now = _STEPS * progress.done // progress.total if progress.total else _STEPS, time.monotonic()
        if step > self._step or now - self._said_s >= _SAY_S:
            self._step, self._said_s = step, now
            done, whole = f"{progress.done:,}", f"{progress.total:,}"
            _log.warning("dividing the store in %s into %d: %s of %s records", self._path, progress.parts, done, whole)

    def end(self, parts: int) -> None:
        """It is done."""
        took_s = time.monotonic() - self._began_s
        _log.warning("divided the store in %s into %d, in %.1f s", self._path, parts, took_s)
