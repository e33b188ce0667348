"""A node's services in a supervisor, each where the configuration places it."""

from __future__ import annotations

import os
from collections.abc import Callable

from ipc import Bounds, Supervisor

from ..config import Config, Limits
from ..data_dir import SOCKET_FILE
from ..model import Identity
from ..store import StoreLimits
from .api import Api
from .clock import corrected
from .commands import Begin
from .desk import ApiSettings
from .door import Door
from .door_about import about_of
from .files import Files, FileSettings
from .links import Links
from .listener import Listener, make_inlets
from .local import Local
from .own import OwnIdentity
from .peer_memory import FILE as PEERS_FILE
from .peers import Peers, PeersSettings
from .store import FOR_EVER_S, StoreService
from .surroundings import Surroundings
from .upkeep import Upkeep, UpkeepSettings

_COMMANDS = 1 << 16
"""Commands that may wait between two services. Each side bounds what it begins (requests of a link, of our user), so
this is never reached; were it, the peer is told BUSY, and our user the error."""


async def plant(
    tree: Supervisor,
    config: Config,
    identity: Identity,
    around: Surroundings,
    stop: Callable[[], None] | None = None,
) -> None:
    """Start all services in an entered supervisor, those with the sockets last, so that they are stopped first.

    There is a door where there is a data directory, and a `stop` that it may call, from any thread. Raises what their
    start raises, such as CannotListen or StoreInUse.
    """
    path = os.path.join(config.data_dir, "store") if config.store == "lmdb" else ""
    limits, bounds = config.limits, Bounds(_COMMANDS)
    around = corrected(around)
    own = OwnIdentity.of(identity)
    places = config.places
    inlets = make_inlets() if places > 1 else ""

    def where(name: str) -> str:
        return config.placements.get(name, "inline")

    await tree.aadd(
        "store",
        StoreService(config.network, path, limits.store_bytes, around, bounds=_store_limits(limits)),
        where("store"),
        bounds=bounds,
        restart=False,
    )
    await tree.aadd(
        "published",
        StoreService(config.network, path and path + "-own", limits.store_bytes, around, bounds=_own_limits(limits)),
        where("published"),
        bounds=bounds,
        restart=False,
    )
    await tree.aadd(
        "peers",
        Peers(_peers_settings(config, identity), around),
        where("peers"),
        outlets={name: name for name in ("links", "api", "upkeep", "listener") if inlets or name != "listener"},
        bounds=bounds,
        restart=False,
    )
    await tree.aadd(
        "upkeep",
        Upkeep(_upkeep_settings(config, identity), around),
        where("upkeep"),
        outlets={"store": "store", "published": "published", "peers": "peers", "links": "links"},
        bounds=bounds,
        restart=False,
    )
    await tree.aadd(
        "local",
        Local(path, around),
        where("local"),
        outlets={"store": "store", "peers": "peers"},
        bounds=bounds,
        restart=places > 1,
    )
    await tree.aadd(
        "api",
        Api(
            own,
            ApiSettings(
                network=config.network,
                replicas=config.replicas,
                min_replicas=config.min_replicas,
                reads=config.reads,
                alpha=config.alpha,
                requests=limits.requests,
                serves=bool(config.listen),
            ),
            around,
        ),
        where("api"),
        outlets={name: name for name in ("links", "peers", "store", "published", "upkeep")},
        bounds=bounds,
        restart=False,
    )
    await tree.aadd(
        "files",
        Files(
            FileSettings(
                own_id=identity.id,
                network=config.network,
                replicas=config.file_replicas,
                min_replicas=config.min_replicas,
                served_streams=limits.served_streams,
                serves=bool(config.listen),
            )
        ),
        where("files"),
        outlets={"links": "links", "peers": "peers", "store": "store", "api": "api"},
        bounds=bounds,
        restart=False,
    )
    await tree.aadd(
        "links",
        Links(
            own,
            config.network,
            config.secret_bytes,
            [] if inlets else config.listen_at,
            list(config.advertise),
            limits.half_open,
            around,
            inlets,
        ),
        where("links"),
        outlets={name: name for name in ("peers", "local", "files", "listener") if inlets or name != "listener"},
        bounds=bounds,
        restart=places > 1,
    )
    if inlets:
        await tree.aadd(
            "listener",
            Listener(config.listen_at, list(config.advertise), inlets, places),
            where("listener"),
            outlets={"links": "links"},
            bounds=bounds,
            restart=False,
        )
    if config.data_dir and config.door and stop is not None:
        await tree.aadd(
            "door",
            Door(os.path.join(config.data_dir, SOCKET_FILE), about_of(config, identity, around), stop),
            where("door"),
            outlets={name: name for name in ("api", "peers", "links", "store", "files")},
            bounds=bounds,
            restart=False,
        )
    peers = await tree.aclient("peers")
    await peers.acall(Begin())
    await peers.aclose()


def _peers_settings(config: Config, identity: Identity) -> PeersSettings:
    return PeersSettings(
        own_id=identity.id,
        network=config.network,
        seeds=tuple(config.first_peers),
        allow=config.allowed,
        deny=config.denied,
        most_links=config.limits.links,
        places=config.places,
        memory=os.path.join(config.data_dir, PEERS_FILE) if config.data_dir else "",
    )


def _upkeep_settings(config: Config, identity: Identity) -> UpkeepSettings:
    return UpkeepSettings(
        own_id=identity.id,
        network=config.network,
        replicas=config.replicas,
        large_replicas=config.file_replicas,
        serves=bool(config.listen),
    )


def _own_limits(limits: Limits) -> StoreLimits:
    """Of what our own user has put: no shares, and content for as long as the node lives."""
    return StoreLimits(total_bytes=limits.store_bytes, owner_bytes=limits.store_bytes, lease_s=FOR_EVER_S)


def _store_limits(limits: Limits) -> StoreLimits:
    return StoreLimits(
        total_bytes=limits.store_bytes,
        owner_bytes=limits.owner_bytes,
        peer_bytes=limits.peer_bytes,
        subnet_bytes=limits.subnet_bytes,
    )
