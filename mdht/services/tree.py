"""A node's services in a supervisor, each where the configuration places it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from ipc import Bounds, Service, Supervisor

from ..config import Config, Limits
from ..config.services import ServiceConfig
from ..data_dir import SOCKET_FILE
from ..model import Identity
from ..model.address import TCP
from ..store import StoreLimits
from ..transport import CannotListen
from ..transport.passing import new_inlets
from .api.desk import ApiSettings
from .api.service import Api
from .clock import corrected
from .door.about import about_of
from .door.service import Door
from .files.service import Files, FileSettings
from .files.shares import FILE as SHARES_FILE
from .links.listener import Listener
from .links.service import Links
from .local import Local
from .operate import Operator
from .own import OwnIdentity
from .peers.commands import Begin
from .peers.memory import FILE as PEERS_FILE
from .peers.owner import PeersSettings
from .peers.service import Peers
from .store.parts import settled
from .store.service import StoreService
from .store.writing import FOR_EVER_S
from .surroundings import Surroundings
from .upkeep.service import Upkeep, UpkeepSettings

_RESTARTS = 20
_WINDOW_S = 20.0
"""A node ends when one of its processes, or one service that ends by itself, dies more often: once a second is no
accident, but the machine or the code. One that is killed every two seconds stays below, and so do many that are killed
together, since each is counted alone; one that ends as soon as it has started does not.
"""


ALONE = ("peers",)
"""Services whose death ends the node: all others know the routing table and the links by the object that is gone."""


def new_tree() -> Supervisor:
    """The supervisor of one node, not entered."""
    return Supervisor(max_restarts=_RESTARTS, window_s=_WINDOW_S)


async def plant(
    tree: Supervisor,
    config: Config,
    identity: Identity,
    around: Surroundings,
    stop: Callable[[], None] | None = None,
    operator: Operator | None = None,
    inherited: tuple[socket.socket, ...] = (),
) -> None:
    """Start all services in an entered supervisor, those with the sockets last, so that they are stopped first.

    There is a door where there is a data directory, and a `stop` that it may call, from any thread, and an operator.
    Raises what their start raises, such as CannotListen or StoreInUse.
    """
    path = os.path.join(config.data_dir, "store") if config.store == "lmdb" else ""
    limits, placed = config.limits, config.placed
    around, own = corrected(around), OwnIdentity.of(identity)
    inlets = new_inlets() if _has_listener(config, around) else ""
    watched = any(part.place.spawner in ("thread", "process") for part in placed.values())

    async def add(name: str, service: Service, *outlets: str) -> None:
        part = placed[name]
        try:
            await tree.aadd(
                name,
                service,
                part.placement,
                outlets={one: one for one in outlets if inlets or one != "listener"},
                bounds=Bounds(part.commands, part.bytes),
                restart=part.restart and name not in ALONE,
                affinity=part.affinity or None,
                nice=part.nice,
                watchdog_s=part.watchdog_s if watched and part.watchdog_s else None,
            )
        except PermissionError as error:
            if error.filename is not None or (part.nice is None and not part.affinity):
                raise
            raise _not_allowed(name, part, error) from None

    if path:
        await settled(path, config.store_parts)
    bounds = _store_limits(limits)
    await add("store", StoreService(config.network, path, limits.store_bytes, around, bounds, config.store_parts))
    await add(
        "published",
        StoreService(config.network, path and path + "-own", limits.store_bytes, around, bounds=_own_limits(limits)),
    )
    await add("peers", Peers(_peers_settings(config, identity), around), "links", "api", "upkeep", "listener")
    await add("upkeep", Upkeep(_upkeep_settings(config, identity), around), "store", "published", "peers", "links")
    await add("local", Local(path, around), "store", "peers")
    await add("api", Api(own, _api_settings(config), around), "links", "peers", "store", "published", "upkeep")
    await add("files", Files(_file_settings(config, identity), around), "links", "peers", "store", "api")
    listen = config.listen_at
    links = Links(
        own,
        config.network,
        config.secret_bytes,
        [] if inlets else listen,
        list(config.advertise),
        limits.half_open,
        around,
        inlets,
    )
    await add("links", links, "peers", "local", "files", "listener")
    if inlets:
        await add("listener", Listener(listen, list(config.advertise), inlets, config.places, inherited), "links")
    if config.data_dir and config.door and stop is not None and operator is not None:
        door = Door(os.path.join(config.data_dir, SOCKET_FILE), about_of(config, identity, around), stop, operator)
        await add("door", door, "api", "peers", "links", "store", "upkeep", "files")
    peers = await tree.aclient("peers")
    await peers.acall(Begin())
    await peers.aclose()
    if operator is not None:
        await operator.begin()


def _not_allowed(name: str, part: ServiceConfig, error: PermissionError) -> PermissionError:
    """Its processes may not be scheduled as they should be: which key says so, and what would be right."""
    key, nice = (f"services.{name}.{'affinity' if part.nice is None else 'nice'}", part.nice)
    right = "leave it out"
    if nice is not None:
        right += (
            f", or allow it: LimitNICE={nice} or AmbientCapabilities=CAP_SYS_NICE in a systemd unit, "
            "--cap-add=SYS_NICE for a container"
        )
    return PermissionError(f"{key}: {error}; {right}")


def _has_listener(config: Config, around: Surroundings) -> bool:
    """Whether a service of its own accepts connections, in the node's process: only sockets can be handed on. Raises
    CannotListen where links in several places would have none.
    """
    sockets = around.networks is None and all(kind == TCP for kind, _, _ in config.listen_at)
    if config.places > 1 and not sockets:
        raise CannotListen(", ".join(config.listen), "only TCP can be passed on to links in several places")
    return sockets and bool(config.listen)


def _api_settings(config: Config) -> ApiSettings:
    return ApiSettings(
        network=config.network,
        replicas=config.replicas,
        min_replicas=config.min_replicas,
        reads=config.reads,
        alpha=config.alpha,
        requests=config.limits.requests,
        serves=bool(config.listen),
        durable=config.store == "lmdb",
    )


def _file_settings(config: Config, identity: Identity) -> FileSettings:
    return FileSettings(
        own_id=identity.id,
        network=config.network,
        replicas=config.file_replicas,
        min_replicas=config.min_replicas,
        served_streams=config.limits.served_streams,
        serves=bool(config.listen),
        shares_file=os.path.join(config.data_dir, SHARES_FILE) if config.data_dir else "",
    )


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
