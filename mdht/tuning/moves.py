"""Which placements might help against what held a node up. Pure.

Each is one step from where the node is: a service that is at its end goes to a thread or process of its own, gets one
process more or another channel, or those beside it leave it more room; where nothing is at its end, processes that do
little come back together, which saves CPU and memory. What is illegal is left out, by the node's own rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ipc import PlacementError
from ipc.placement import LEGAL, Placement

from ..config import MANY, STAY
from .observed import Limit, Observation
from .placed import SINGLE, Placed

LITTLE: Final = 0.05
"""Of a core: a service that uses less gains nothing from a place of its own, and leaves no room where it goes."""

SPARE: Final = 1
"""Processes of one service beyond the CPUs that there are: one that waits for a disk leaves its core to others."""


@dataclass(frozen=True, slots=True)
class Move:
    """A placement to try, and why."""

    placed: Placed
    why: str
    minor: bool = False
    """Another channel only: a few per cent, if anything, and no way to something else."""


def moves(placed: Placed, seen: Observation, *, store: str, waits_for_disk: bool) -> list[Move]:
    """One step away, the most promising first, each once, all of them legal."""
    found: list[Move] = []
    known = {placed}
    for move in _promising(placed, seen, waits_for_disk):
        if move.placed not in known and not move.placed.faults(store):
            known.add(move.placed)
            found.append(move)
    return found


def _promising(placed: Placed, seen: Observation, waits_for_disk: bool) -> Iterator[Move]:
    limit = seen.limit(waits_for_disk)
    name = seen.bottleneck(waits_for_disk)
    if limit is Limit.DISK:
        yield from _apart(placed, name, "links go on while a disk is written", seen.cpus + SPARE, many_first=True)
        yield from _links_apart(placed, "links go on while a disk is written", 1)
        yield from _together(placed, seen)
        return
    share = seen.busiest.cores
    why = f"{name} is the busiest, in a process that uses {share:.2f} cores"
    yield from _apart(placed, name, why, seen.cpus)
    for other in seen.by_load(seen.busiest):
        if other.name != name and other.cores >= LITTLE:
            leaves = f"{other.name} leaves the process of {name}, which uses {share:.2f} cores"
            yield from _apart(placed, other.name, leaves, 1)
    if limit is not Limit.SERVICE:
        yield from _together(placed, seen)
    if waits_for_disk:
        yield from _apart(placed, "store", "links go on while a disk is written", seen.cpus + SPARE, many_first=True)
    for service, _ in placed.services:
        yield from _channels(placed, service)


def _apart(placed: Placed, name: str, why: str, most: int, many_first: bool = False) -> Iterator[Move]:
    """A thread, a process, one more of them."""
    if name in ("links", "local"):
        yield from _links_apart(placed, why, most)
        return
    now = placed.at(name)
    more = now.count + 1 if now.spawner in ("thread", "process") else 2
    several = name in MANY and more <= most
    if many_first and several:
        yield Move(placed.but({name: f"process:{more}"}), "several parts write and sync at once")
    if now.spawner != "process" and name not in STAY:
        yield Move(placed.but({name: "process"}), why)
    if not many_first and several and now.spawner == "process":
        yield Move(placed.but({name: f"process:{more}"}), why)
    if now.spawner in ("inline", "coroutine"):
        yield Move(placed.but({name: "thread"}), why)


def _links_apart(placed: Placed, why: str, most: int) -> Iterator[Move]:
    """Links and what answers beside them are one: one process more, and twice as many; the first come as a pair, since
    one by itself costs messages and has no more than the thread that it leaves.
    """
    now = placed.at("links")
    for wanted in (now.count + 1, 2 * now.count) if now.spawner == "process" else (2, 1):
        if wanted <= max(1, most):
            text = f"process:{wanted}@links" if wanted > 1 else "process@links"
            yield Move(placed.but({"links": text, "local": text}), why)


def _together(placed: Placed, seen: Observation) -> Iterator[Move]:
    """What does little comes back to the node's own process; a process fewer; all of it on one thread."""
    for name, text in placed.services:
        there = seen.service(name)
        place = Placement.parse(text)
        if name == "local":
            continue  # it goes where links go
        if place.count > 1:
            fewer = place.count - 1
            group = f"@{place.group}" if place.group else ""
            less = f"{place.spawner}:{fewer}{group}" if fewer > 1 else f"{place.spawner}{group}"
            names = ("links", "local") if name == "links" else (name,)
            yield Move(placed.but(dict.fromkeys(names, less)), f"{place.count} of {name} have little to do")
        if there is not None and there.cores < LITTLE and name != "links":
            yield Move(placed.but({name: "inline"}), f"{name} does little")
    if placed != SINGLE:
        yield Move(SINGLE, "one thread needs no messages between processes")


def _channels(placed: Placed, name: str) -> Iterator[Move]:
    """The same place over another channel."""
    now = placed.at(name)
    for channel in LEGAL[now.spawner]:
        if channel == now.channel:
            continue
        place = Placement(now.spawner, now.count, now.group, channel)
        names = ("links", "local") if name in ("links", "local") else (name,)
        try:
            Placement.parse(str(place))
        except PlacementError:
            continue
        yield Move(placed.but(dict.fromkeys(names, str(place))), f"{name} over {channel}", minor=True)
