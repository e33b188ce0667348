"""What an operator does to a running node: sees its services, moves them, and changes its configuration.

All of it happens on the loop that the node's tree lives on; `submit` brings it there from any thread. One change is
made at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final, TypeVar

from ipc import Client, Closed, IpcError, MoveError, PlacementError, ServiceDied, ServiceStats, Supervisor
from ipc.placement import Placement

from ..config import Config
from ..config.changes import differences
from ..config.services import brief
from ..config.writing import toml_of
from ..config.written import Written
from ..control import Moved, Probed, Reloaded, ServiceRow, Shown
from ..errors import ConfigError, MdhtError
from .apply import Placings, take_over
from .links.commands import LeaveLinks, LetIn, PlacesAre, StayLinks
from .placement import check_move, movable, moved_together
from .probing import PROBE_S, probe
from .store.commands import StoreNumbers

T = TypeVar("T")

DRAIN_S: Final = 2.0
"""Seconds for requests under way on links that are to move: a slow answer takes one, and streams are begun again."""

MOVE_S: Final = 30.0
"""Seconds for a move where none are given: a process that is started for it takes some of them on a busy machine."""

STORES: Final = ("store", "published")
"""Services that keep records."""

SENT_BYTES: Final = 128 << 20
"""Records in memory that are sent to another process, and through one command: about three seconds."""

_LOOK_S: Final = 1.0
"""Seconds between looks whether a service has died that is not to be started again."""


class Operator:
    """Of one node, whose services are all in `tree`. To be made on its loop; `begin` says that they are there.

    `reread` gives the configuration as it is written now.
    """

    def __init__(self, tree: Supervisor, config: Config, reread: Callable[[], Config | Written] | None = None) -> None:
        self.config = config
        """As it is now, but for placements: what was changed live is in it."""
        self._reread = reread
        self._tree = tree
        self._loop = asyncio.get_running_loop()
        self._lock, self._reloading = asyncio.Lock(), asyncio.Lock()
        self._clients: dict[str, asyncio.Future[Client]] = {}
        self._apart: frozenset[str] = frozenset()
        self._configured: dict[str, str] = {}
        self._first = config

    async def begin(self) -> None:
        """All services are there."""
        await self._note_places()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run it on the tree's loop, from any thread; on that one, do not wait for it. Raises `ipc.Closed`."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise Closed("the node has ended") from None

    @property
    def here(self) -> bool:
        """Whether this is the tree's loop."""
        return asyncio.get_running_loop() is self._loop

    # -- services ------------------------------------------------------------------------------------------------------

    def is_apart(self, name: str) -> bool:
        """Whether a service is in a process of its own, and may die alone. Any thread."""
        return name in self._apart

    @property
    def placements(self) -> dict[str, str]:
        """Where each service is now. Any thread."""
        return {name: brief(self._tree.placement(name)) for name in self._tree.names()}

    async def services(self) -> list[ServiceRow]:
        """Every service in numbers, of which those of a process that does not answer are older. Raises IpcError where
        the tree is closed.
        """
        numbers = await self._tree.astats()
        placed = {name: one.placement for name, one in self.config.placed.items()} | self._configured
        return [_row(one, placed[one.name]) for one in numbers.values()]

    async def move(self, name: str, placement: str, timeout_s: float = MOVE_S) -> Moved:
        """Move a running service, and whoever has to be where it is; it serves on meanwhile, but for a moment.

        Raises ConfigError with what would be legal, `ipc.MoveError` where it did not happen in time, and
        `ipc.NotSendable`; then everything is where it was.
        """
        async with self._lock:
            now = self.placements
            names = moved_together(self.config, now, name, placement)
            check_move(self.config, now, dict.fromkeys(names, placement))
            before, began_s = now[name], self._loop.time()
            try:
                await self._carry(dict.fromkeys(names, placement), timeout_s)
            except ServiceDied as error:
                raise MoveError(
                    f"{name} stays where it is, since {error}; it is started again: try again then"
                ) from error
            also = tuple(one for one in names if one != name)
            return Moved(name, before, brief(self._tree.placement(name)), also, self._loop.time() - began_s)

    async def place(self, wanted: Mapping[str, str]) -> Placings:
        """Move several running services; those that may not move now stay, and so do those whose move fails. Links and
        `local` are one move. Raises nothing of that.
        """
        done = Placings()
        async with self._lock:
            left = dict(wanted)
            while left:
                left, refused = movable(self.config, self.placements, left)
                done.refused.update(refused)
                pair = left.keys() & {"links", "local"}
                step = {name: left.pop(name) for name in pair or list(left)[:1]}
                try:
                    await self._carry(step, MOVE_S)
                except PlacementError as error:
                    done.refused.update(dict.fromkeys(step, str(error)))
                except (IpcError, MdhtError, OSError) as error:  # what a service's `open` raised there, too
                    done.failed.update(dict.fromkeys(step, str(error)))
                else:
                    done.moved.update(step)
        self._configured.update({name: text for name, text in wanted.items() if name in done.moved})
        return done

    async def _carry(self, wanted: Mapping[str, str], timeout_s: float) -> None:
        """One move that was checked; a group may be of another size meanwhile, until all have left it. Raises
        PlacementError where too much is kept in memory.
        """
        for name, placement in wanted.items():
            if name in STORES and self.config.store == "memory":
                await self._check_memory(name, placement)
        try:
            if "links" in wanted:
                await self._move_links(wanted, timeout_s)
            else:
                for name, placement in wanted.items():
                    await self._tree.amove(name, placement, timeout_s, regroup=True)
        finally:
            await self._note_places()

    async def _check_memory(self, name: str, placement: str) -> None:
        """Records in memory move along; the store answers nobody while they are sent to another process."""
        before, after = Placement.parse(self._tree.placement(name)), Placement.parse(placement)
        kept = 0
        for part in range(before.count):
            kept += (await self.tell(name, StoreNumbers(part))).bytes
        if kept > SENT_BYTES and ("process" in (before.spawner, after.spawner) or before.count != after.count):
            why = f"its {kept >> 20:,} MiB of records are in memory, and it would answer nobody while they are sent"
            raise PlacementError(placement, why, [str(before), "any, from the next start on, with store = 'lmdb'"])

    async def _move_links(self, wanted: Mapping[str, str], timeout_s: float) -> None:
        """What answers beside them goes ahead, so that it is there before they are. Once the new places are ready every
        peer is told, and nobody is let in until the links are there. There may be more or fewer places then.
        """
        drain_s = min(DRAIN_S, timeout_s / 4)
        places = range(Placement.parse(self._tree.placement("links")).count)
        others = [one for one in wanted if one != "links"]
        before = {one: self._tree.placement(one) for one in others}
        links = await self._client("links")

        async def leave() -> None:
            await self._let_in(False)
            await asyncio.gather(*(_unless_dead(links, LeaveLinks(place, drain_s), drain_s + 5) for place in places))

        try:
            for one in others:
                await self._tree.amove(one, wanted[one], timeout_s, regroup=True)
            await self._tree.amove("links", wanted["links"], timeout_s, prepare=leave, regroup=True)
        except BaseException:
            try:
                for one in others:
                    if self._tree.placement(one) != before[one]:
                        await self._tree.amove(one, before[one], timeout_s, regroup=True)
            finally:
                await asyncio.gather(
                    *(_unless_dead(links, StayLinks(place), 5.0) for place in places), return_exceptions=True
                )
            raise
        else:
            if (count := Placement.parse(wanted["links"]).count) != len(places):
                await self.tell("peers", PlacesAre(count))
        finally:
            await self._let_in(True)

    async def _let_in(self, wanted: bool) -> None:
        if "listener" in self._tree.names():
            await (await self._client("listener")).acall(LetIn(wanted))

    # -- configuration -------------------------------------------------------------------------------------------------

    def live(self) -> Config:
        """The configuration as it is now, placements included."""
        placed = self.config.placed
        now = {name: replace(placed[name], placement=text) for name, text in self.placements.items()}
        return replace(self.config, services={**self.config.services, **now})

    def shown(self, live: bool) -> Shown:
        """The configuration as TOML: what the node was started with, or (`live`) what it is now, with what differs."""
        if not live:
            return Shown(toml_of(self._first))
        now = self.live()
        changes = differences(self._first, now)
        return Shown(toml_of(now, changes), tuple((one.key, one.before, one.after) for one in changes))

    async def reload(self, wanted: Config | None = None, staying: Mapping[str, str] | None = None) -> Reloaded:
        """Apply of that configuration, or of the one that is written now, what can be applied live, and say what needs
        a restart. `staying`: services that are not to be moved now, and why. Raises ConfigError for one that is faulty;
        then nothing has changed.
        """
        overridden: tuple[tuple[str, str, str], ...] = ()
        if wanted is None:
            if self._reread is None:
                raise ConfigError([("file", "none was given", "start the node with `mdht run --config FILE`")])
            found = self._reread()
            if isinstance(found, Written):
                wanted, overridden = found.config, found.overridden
            else:
                wanted = found
        wanted.check()
        async with self._reloading:
            return await take_over(self, wanted, staying or {}, overridden)

    # -- health --------------------------------------------------------------------------------------------------------

    async def probe(self, timeout_s: float = PROBE_S) -> Probed:
        """Real work, all of it within so many seconds; see `probing`."""
        return await probe(self, self._tree, timeout_s)

    # -- the end -------------------------------------------------------------------------------------------------------

    async def failed(self) -> Exception:
        """Wait until the tree gives up by itself; why. Never returns where it is closed in the usual way."""
        tree = self._tree.tree
        stays = [one for one in tree.services.values() if not one.restart]
        while True:
            try:
                async with asyncio.timeout(_LOOK_S if stays else None):
                    await tree.over.wait()
            except TimeoutError:
                pass
            if tree.failed is not None:
                return tree.failed
            if tree.closing:
                await asyncio.Event().wait()
            if dead := [one.name for one in stays if one.stopped]:
                return ServiceDied(
                    dead[0], f"{dead[0]} has ended, and the node does not go on without it (restart = false)"
                )

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _client(self, name: str) -> Client:
        """One for all who ask at once, made by a task of its own: who gives up waiting leaves it to the others."""
        making = self._clients.get(name)
        if making is None or (making.done() and (making.cancelled() or making.exception() is not None)):
            making = self._clients[name] = asyncio.ensure_future(self._tree.aclient(name))
        return await asyncio.shield(making)

    async def tell(self, name: str, command: Any) -> Any:
        """A service's answer."""
        return await (await self._client(name)).acall(command)

    async def _note_places(self) -> None:
        """Where some are in processes it has clients of all from now on: none can be made of one that is stopped, and
        that is when a probe is wanted.
        """
        self._apart = frozenset(name for name, text in self.placements.items() if text.startswith("process"))
        if self._apart:
            for name in self._tree.names():
                await self._client(name)


async def _unless_dead(client: Client, command: Any, timeout_s: float) -> None:
    """A place that has died has no links to say goodbye to."""
    try:
        await client.acall(command, timeout_s)
    except ServiceDied:
        return


def _row(stats: ServiceStats, configured: str) -> ServiceRow:
    return ServiceRow(
        name=stats.name,
        placement=brief(stats.placement),
        configured=brief(configured),
        pids=stats.pids,
        calls=stats.calls,
        errors=stats.errors,
        busy_s=stats.busy_s,
        queued=stats.queued,
        oldest_wait_s=stats.oldest_wait_s,
        p50_s=stats.p50_s,
        p99_s=stats.p99_s,
        cpu_s=stats.cpu_s,
        rss_bytes=stats.rss_bytes,
        restarts=stats.restarts,
        hangs=stats.hangs,
        moves=stats.moves,
        lost=stats.lost,
        last_error=stats.last_error,
        affinity=stats.affinity,
        nice=stats.nice,
        last_hang=stats.last_hang,
        silent_s=stats.silent_s,
    )
