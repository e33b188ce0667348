"""Where each service of a node lives, and how it is kept there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ipc import PlacementError
from ipc.placement import Placement

Fault = tuple[str, str, str]
"""Key, what is wrong, what would be right."""

SERVICES: Final = ("store", "published", "peers", "upkeep", "local", "api", "files", "links", "listener", "door")
"""The services of a node, in the order in which they are started; `door` where there is a `data_dir`, and `listener`
where links live in several places.
"""

STAY: Final = {
    "peers": "it owns the routing table, which is not sent to another process",
    "listener": "its sockets stay with the node",
    "door": "it stops the node when it is told to",
}
"""Services that may not be in a process of their own, and why."""

MANY: Final = ("links", "local", "store")
"""Services of which there may be several."""

LATER: Final = ("http", "tunnel")
"""Services that there will be."""

NICE: Final = range(-20, 20)


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """One service: `[services.NAME]`, or only its placement as text."""

    placement: str = "inline"
    """`spawner[:count][@group][+channel]`, see `ipc.placement`."""
    affinity: tuple[int, ...] = ()
    """CPUs that its processes may use, by number; empty: all. Only for services in processes."""
    nice: int | None = None
    """Priority of its processes, -20 to 19 (nice(2)); None: as the node's. Only for services in processes."""
    restart: bool = True
    """Whether it is started again when it dies; else its death ends the node."""
    commands: int = 1 << 16
    """Commands that may wait at it, from each sender."""
    bytes: int = 64 << 20
    """Bytes in them."""
    watchdog_s: float = 30.0
    """Seconds in which it serves nothing although commands wait, after which its process is killed and started again;
    where it has none, that is logged. 0: nobody looks."""

    @property
    def place(self) -> Placement:
        """The placement, taken apart. Raises PlacementError."""
        return Placement.parse(self.placement)


def faults_of(name: str, config: ServiceConfig, cpus: int) -> list[Fault]:
    """Everything that is wrong with one service's part. `cpus`: how many there are."""
    key = f"services.{name}"
    if name in LATER:
        return [(key, "not built yet", f"one of {', '.join(SERVICES)}")]
    if name not in SERVICES:
        return [(key, "no such service", f"one of {', '.join(SERVICES)}")]
    faults: list[Fault] = []
    if wrong := misplaced(name, config.placement):
        faults.append((f"{key}.placement", repr(config.placement), wrong))
    in_process = not wrong and config.place.spawner == "process"
    for what, given in (("affinity", bool(config.affinity)), ("nice", config.nice is not None)):
        if given and not in_process:
            faults.append((f"{key}.{what}", "set", "a process placement, or none of it: a thread shares its process's"))
    if outside := [cpu for cpu in config.affinity if not 0 <= cpu < cpus]:
        faults.append((f"{key}.affinity", repr(outside), f"numbers from 0 to {cpus - 1}"))
    if config.nice is not None and config.nice not in NICE:
        faults.append((f"{key}.nice", repr(config.nice), "-20 to 19"))
    if config.commands < 1:
        faults.append((f"{key}.commands", repr(config.commands), "at least 1"))
    if not (config.watchdog_s == 0 or config.watchdog_s >= 1):
        faults.append((f"{key}.watchdog_s", repr(config.watchdog_s), "0, or at least 1 second"))
    if config.bytes < 1 << 20:
        faults.append((f"{key}.bytes", repr(config.bytes), f"at least {1 << 20:,}: the largest answers fit"))
    return faults


def misplaced(service: str, text: str) -> str:
    """What would be right instead of this placement; empty where it is."""
    try:
        placement = Placement.parse(text)
    except PlacementError as error:
        return str(error)
    if placement.count > 1 and service not in MANY:
        return f"{placement.spawner} without a count: several there may be only of {', '.join(MANY)}"
    if placement.count > 1 and placement.spawner in ("inline", "coroutine"):
        return f"{placement.spawner} without a count: it is all one thread"
    if placement.spawner == "process" and service in STAY:
        return f"inline, coroutine or thread: {STAY[service]}"
    return ""


def together(services: Mapping[str, ServiceConfig]) -> list[Fault]:
    """What is wrong between services that are right by themselves."""
    faults: list[Fault] = []
    links, local = services["links"].place, services["local"].place
    if links.count > 1:
        same = links.group is not None and (local.spawner, local.count, local.group) == (
            links.spawner,
            links.count,
            links.group,
        )
        if not same:
            both = f"{links.spawner}:{links.count}@{links.group or 'links'}"
            right = f"{both} for both: what a peer asks is answered beside its link"
            faults.append(("services.local.placement", f"{local} while links are {links}", right))
    elif local.count > 1:
        right = f"as many as links ({links}): what a peer asks is answered beside its link"
        faults.append(("services.local.placement", str(local), right))
    groups: dict[str, str] = {}
    for name, one in services.items():
        group = one.place.group
        if group is None:
            continue
        first = groups.setdefault(group, name)
        other = services[first]
        if (one.affinity, one.nice) != (other.affinity, other.nice):
            right = f"those of {first}: both live in the processes of {group}"
            faults.append((f"services.{name}.affinity", f"{list(one.affinity)}, nice {one.nice}", right))
    return faults
