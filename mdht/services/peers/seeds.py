"""Dials seeds and remembered peers when `routing.bootstrap` says so; a host name stands for all its addresses."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass, replace
from typing import Final, Protocol

from ...errors import BadText
from ...model import Address, PeerRecord, Seed
from ...model.address import TCP
from ...routing.bootstrap import Bootstrap
from .dialling import Dialler

_log: Final = logging.getLogger(__name__)

RESOLVED: Final = 8
"""Addresses of one name that are dialled: a round-robin name of seeds has a few."""

RESOLVE_S: Final = 10.0
"""Seconds for a name to be resolved."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Somebody to dial: a seed, or a remembered peer. `peer` None: whoever is there."""

    peer: bytes | None
    addresses: tuple[Address, ...]

    @classmethod
    def of_seed(cls, seed: Seed) -> Goal:
        """A seed of the configuration."""
        return cls(seed.peer, (seed.address,))

    @classmethod
    def of_record(cls, record: PeerRecord) -> Goal:
        """A remembered peer."""
        return cls(record.id, record.addresses)


class Owner(Protocol):
    """What seeds need of the service that they belong to."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Of the service."""

    def is_open(self, peer: bytes) -> bool:
        """Whether there is an open link to the peer."""

    def reachable(self, addresses: tuple[Address, ...]) -> list[Address]:
        """Those that this node can dial."""

    def random(self) -> float:
        """From 0 to below 1."""


class Seeds:
    """See the module. `answered_by`: who answered at a seed without an id, so that it counts as linked while it is."""

    def __init__(self, owner: Owner, dialler: Dialler, seeds: list[Goal], remembered: list[Goal]) -> None:
        self._owner = owner
        self._dialler = dialler
        self._plan: Bootstrap[Goal] = Bootstrap(seeds, remembered, owner.loop.time())
        self._answered_by: dict[Goal, set[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether anybody is being dialled."""
        return self._plan.dialling > 0

    def next_s(self) -> float | None:
        """When `look` wants to be called."""
        return self._plan.next_s()

    def look(self, linked: int) -> None:
        """Dial who is due; `linked` peers are there."""
        for number, goal in self._plan.due(self._owner.loop.time(), linked, self._here):
            names = [address for address in goal.addresses if _is_name(address)]
            if names:
                task = self._owner.loop.create_task(self._resolved(number, goal))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                self._dial(number, goal, self._owner.reachable(goal.addresses))

    def close(self) -> None:
        """Nothing is resolved any more."""
        for task in list(self._tasks):
            task.cancel()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _here(self, goal: Goal) -> bool:
        if goal.peer is not None:
            return self._owner.is_open(goal.peer)
        return any(self._owner.is_open(peer) for peer in self._answered_by.get(goal, ()))

    async def _resolved(self, number: int, goal: Goal) -> None:
        addresses: list[Address] = []
        for address in goal.addresses:
            addresses += await resolve(self._owner.loop, address) if _is_name(address) else [address]
        self._dial(number, goal, self._owner.reachable(tuple(dict.fromkeys(addresses))))

    def _dial(self, number: int, goal: Goal, addresses: list[Address]) -> None:
        """A known peer by one address after the other; where anybody may answer, all of them."""
        parts = [addresses] if goal.peer is not None or not addresses else [[one] for one in addresses[:RESOLVED]]
        left = len(parts)
        there = False

        def ended(peer: bytes | None, error: Exception | None) -> None:
            nonlocal left, there
            left -= 1
            if peer is not None:
                there = True
                if goal.peer is None:
                    self._answered_by.setdefault(goal, set()).add(peer)
            elif error is not None:
                _log.info("%s: %s", " ".join(map(str, addresses)) or "a seed", error)
            if not left:
                self._plan.ended(number, there, self._owner.loop.time(), self._owner.random())

        if goal.peer is None:
            self._answered_by.pop(goal, None)
        for part in parts:
            self._dialler.dial(goal.peer, part, ended)


async def resolve(loop: asyncio.AbstractEventLoop, address: Address) -> list[Address]:
    """The addresses that a TCP address with a host name stands for; itself, where that cannot be told."""
    try:
        async with asyncio.timeout(RESOLVE_S):
            infos = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return [address]  # dialling it says what is wrong
    found: list[Address] = []
    for host in dict.fromkeys(str(info[4][0]) for info in infos):
        try:
            found.append(replace(address, host=host))
        except BadText:
            continue  # a spelling of the resolver's that no address has
    return found[:RESOLVED] or [address]


def _is_name(address: Address) -> bool:
    return address.kind == TCP and not (":" in address.host or address.host.replace(".", "").isdigit())
