"""A node's services in a supervisor, each where the configuration places it."""

from __future__ import annotations

import os

from ipc import Bounds, Supervisor

from ..config import Config
from ..model import Identity
from .api import Api
from .commands import Begin
from .links import Links
from .local import Local
from .peers import Peers
from .store import StoreService
from .surroundings import Surroundings

_COMMANDS = 1 << 16
"""Commands that may wait between two services. Each side bounds what it begins (requests of a link, of our user), so
this is never reached; were it, the peer is told BUSY, and our user the error."""


async def plant(tree: Supervisor, config: Config, identity: Identity, around: Surroundings) -> None:
    """Start all services in an entered supervisor, the one with the sockets last, so that it is stopped first.

    Raises what their start raises, such as CannotListen or StoreInUse.
    """
    path = os.path.join(config.data_dir, "store") if config.store == "lmdb" else ""
    limits, bounds = config.limits, Bounds(_COMMANDS)

    def where(name: str) -> str:
        return config.placements.get(name, "inline")

    await tree.aadd(
        "store",
        StoreService(config.network, path, limits.store_bytes, around),
        where("store"),
        bounds=bounds,
        restart=False,
    )
    await tree.aadd(
        "peers",
        Peers(identity.id, config.network, config.first_peers, config.allowed, config.denied, limits.links, around),
        where("peers"),
        outlets={"links": "links", "api": "api"},
        bounds=bounds,
        restart=False,
    )
    await tree.aadd(
        "local",
        Local(),
        where("local"),
        outlets={"store": "store", "peers": "peers"},
        bounds=bounds,
        restart=False,
    )
    await tree.aadd(
        "api",
        Api(
            identity,
            config.network,
            config.replicas,
            config.min_replicas,
            config.reads,
            config.alpha,
            limits.requests,
            bool(config.listen),
            around,
        ),
        where("api"),
        outlets={"links": "links", "peers": "peers", "store": "store"},
        bounds=bounds,
        restart=False,
    )
    await tree.aadd(
        "links",
        Links(
            identity,
            config.network,
            config.secret_bytes,
            config.listen_at,
            config.advertised,
            limits.half_open,
            around,
        ),
        where("links"),
        outlets={"peers": "peers", "local": "local"},
        bounds=bounds,
        restart=False,
    )
    peers = await tree.aclient("peers")
    await peers.acall(Begin())
    await peers.aclose()
