"""What an operator does to a running node: sees its services, moves them, and changes its configuration.

All of it happens on the loop that the node's tree lives on; `submit` brings it there from any thread. One change is
made at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Final, TypeVar

from ipc import Client, Closed, IpcError, ServiceDied, ServiceStats, Supervisor
from ipc.placement import Placement

from ..config import Config
from ..config.changes import brief, differences
from ..config.writing import toml_of
from ..control import Moved, Probed, Reloaded, ServiceRow, Shown
from ..errors import ConfigError
from .apply import apply_live
from .links.commands import LeaveLinks, LetIn, PlacesAre, StayLinks
from .placement import check_move, moved_together
from .probing import probe

T = TypeVar("T")

DRAIN_S: Final = 2.0
"""Seconds for requests under way on links that are to move: a slow answer takes one, and streams are begun again."""

MOVE_S: Final = 30.0
"""Seconds for a move where none are given: a process that is started for it takes some of them on a busy machine."""

_LOOK_S: Final = 1.0
"""Seconds between looks whether a service has died that is not to be started again."""


class Operator:
    """Of one node, whose services are all in `tree`. To be made on its loop; `begin` says that they are there.

    `reread` gives the configuration as it is written now.
    """

    def __init__(self, tree: Supervisor, config: Config, reread: Callable[[], Config] | None = None) -> None:
        self.config = config
        """As it is now, but for placements: what was changed live is in it."""
        self._reread = reread
        self._tree = tree
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._clients: dict[str, Client] = {}
        self._apart: frozenset[str] = frozenset()
        self._first = config

    def begin(self) -> None:
        """All services are there."""
        self._note_apart()

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
        """Every service in numbers. Raises IpcError where the tree is closed."""
        numbers = await self._tree.astats()
        placed = self.config.placed
        return [_row(one, placed[one.name].placement) for one in numbers.values()]

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
                if "links" in names:
                    await self._move_links(names, placement, timeout_s)
                else:
                    await self._tree.amove(name, placement, timeout_s)
            finally:
                self._note_apart()
            also = tuple(one for one in names if one != name)
            return Moved(name, before, brief(self._tree.placement(name)), also, self._loop.time() - began_s)

    async def _move_links(self, names: list[str], placement: str, timeout_s: float) -> None:
        """What answers beside them goes ahead, so that it is there before they are. Once the new places are ready every
        peer is told, and nobody is let in until the links are there. There may be more or fewer places then.
        """
        drain_s = min(DRAIN_S, timeout_s / 4)
        places = range(Placement.parse(self._tree.placement("links")).count)
        others = [one for one in names if one != "links"]
        before = {one: self._tree.placement(one) for one in others}
        links = await self._client("links")

        async def leave() -> None:
            await self._let_in(False)
            await asyncio.gather(*(_unless_dead(links, LeaveLinks(place, drain_s), drain_s + 5) for place in places))

        try:
            for one in others:
                await self._tree.amove(one, placement, timeout_s, regroup=True)
            await self._tree.amove("links", placement, timeout_s, prepare=leave, regroup=True)
        except BaseException:
            for one in others:
                if self._tree.placement(one) != before[one]:
                    await self._tree.amove(one, before[one], timeout_s, regroup=True)
            await asyncio.gather(*(_unless_dead(links, StayLinks(place), 5.0) for place in places))
            raise
        else:
            if (count := Placement.parse(placement).count) != len(places):
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
        changed = {name: one for name, one in now.items() if Placement.parse(one.placement) != placed[name].place}
        return replace(self.config, services={**self.config.services, **changed})

    def shown(self, live: bool) -> Shown:
        """The configuration as TOML: what the node was started with, or (`live`) what it is now, with what differs."""
        if not live:
            return Shown(toml_of(self._first))
        now = self.live()
        changes = differences(self._first, now)
        return Shown(toml_of(now, changes), tuple((one.key, one.before, one.after) for one in changes))

    async def reload(self, wanted: Config | None = None) -> Reloaded:
        """Apply of that configuration, or of the one that is written now, what can be applied live, and say what needs
        a restart. Raises ConfigError for one that is faulty; then nothing has changed.
        """
        if wanted is None:
            if self._reread is None:
                raise ConfigError([("file", "none was given", "start the node with `mdht run --config FILE`")])
            wanted = self._reread()
        wanted.check()
        applied, failed, restart = [], [], []
        for change in differences(self.live(), wanted):
            if change.live:
                try:
                    await apply_live(self, change, wanted)
                except (ConfigError, IpcError) as error:
                    failed.append((change.key, change.before, change.after, str(error)))
                else:
                    applied.append((change.key, change.before, change.after))
            else:
                restart.append((change.key, change.before, change.after))
        return Reloaded(tuple(applied), tuple(restart), tuple(failed))

    # -- health --------------------------------------------------------------------------------------------------------

    async def probe(self) -> Probed:
        """Real work, each step within a bound; see `probing`."""
        return await probe(self, self._tree)

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
                return ServiceDied(dead[0], f"{dead[0]} has ended, and restart = false")

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _client(self, name: str) -> Client:
        if name not in self._clients:
            self._clients[name] = await self._tree.aclient(name)
        return self._clients[name]

    async def tell(self, name: str, command: Any) -> Any:
        """A service's answer."""
        return await (await self._client(name)).acall(command)

    def _note_apart(self) -> None:
        self._apart = frozenset(name for name, text in self.placements.items() if text.startswith("process"))


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
    )
