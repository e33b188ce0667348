"""Where each service of a node lives, how it is kept there, and what is wrong with one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from ipc import PlacementError
from ipc.placement import Placement

Fault = tuple[str, str, str]
"""Key, what is wrong, what would be right."""

SERVICES: Final = ("store", "published", "peers", "upkeep", "local", "api", "files", "links", "listener", "door")
"""The services of a node, in the order in which they are started; `door` where there is a `data_dir`, and `listener`
where the node listens, at TCP alone.
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
    """What is written of one service: `[services.NAME]`, or only its placement as text. None: as the profile has it."""

    placement: str | None = None
    """`spawner[:count][@group][+channel]`, see `ipc.placement`."""
    affinity: tuple[int, ...] | None = None
    """CPUs that its processes may use, by number; empty: all. Only for services in processes; those that share their
    processes have the same.
    """
    nice: int | None = None
    """Priority of its processes, -20 to 19 (nice(2)). Only for services in processes, likewise."""
    restart: bool | None = None
    """Whether it is started again when it dies; else its death ends the node."""
    commands: int | None = None
    """Commands that may wait at it, from each sender."""
    bytes: int | None = None
    """Bytes in them."""
    watchdog_s: float | None = None
    """Seconds in which it serves nothing although commands wait, after which its process is killed and started again;
    where it has none, that is logged. 0: nobody looks."""


@dataclass(frozen=True, slots=True)
class ResolvedService(ServiceConfig):
    """One service with all its parts: what is written of it, and for the rest the profile's."""

    placement: str = "inline"
    affinity: tuple[int, ...] = ()
    nice: int | None = None
    """None: as the node's."""
    restart: bool = True
    commands: int = 1 << 16
    bytes: int = 64 << 20
    watchdog_s: float = 30.0

    @property
    def place(self) -> Placement:
        """The placement, taken apart. Raises PlacementError."""
        return Placement.parse(self.placement)

    def but(self, own: ServiceConfig | str) -> ResolvedService:
        """The same but for what is written there."""
        written: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(ServiceConfig)}
        if isinstance(own, str):
            written["placement"] = own
        else:
            given = {one.name: getattr(own, one.name) for one in fields(ServiceConfig)}
            written.update({key: value for key, value in given.items() if value is not None})
        return ResolvedService(**{**written, "affinity": tuple(sorted(set(written["affinity"])))})


def faults_of(name: str, config: ResolvedService, cpus: Sequence[int], stands: bool = True) -> list[Fault]:
    """Everything that is wrong with one service by itself. `cpus`: the numbers of those that there are. `stands`:
    whether it is known where it is; else nothing is said of that.
    """
    key = f"services.{name}"
    if name in LATER:
        return [(key, "not built yet", f"one of {', '.join(SERVICES)}")]
    if name not in SERVICES:
        return [(key, "no such service", f"one of {', '.join(SERVICES)}")]
    faults: list[Fault] = []
    if wrong := misplaced(name, config.placement) if stands else "":
        faults.append((f"{key}.placement", repr(config.placement), wrong))
    in_process = not stands or (not wrong and config.place.spawner == "process")
    for what, given in (("affinity", bool(config.affinity)), ("nice", config.nice is not None)):
        if given and not in_process:
            faults.append((f"{key}.{what}", "set", "a process placement, or none of it: a thread shares its process's"))
    if outside := [cpu for cpu in config.affinity if cpu not in cpus]:
        faults.append((f"{key}.affinity", repr(outside), f"of the CPUs that this process may use: {numbers(cpus)}"))
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


def brief(placement: str) -> str:
    """A placement as people write it, without the channel that is taken anyway: two ways to write the same do not
    differ. What is no placement is left as it is.
    """
    left = placement.partition("+")[0]
    try:
        whole = str(Placement.parse(placement))
        return left if str(Placement.parse(left)) == whole else whole
    except PlacementError:
        return placement


def numbers(those: Sequence[int]) -> str:
    """Whole numbers in order, with runs as `0-3`."""
    runs: list[list[int]] = []
    for one in those:
        if runs and one == runs[-1][-1] + 1:
            runs[-1][1:] = [one]
        else:
            runs.append([one])
    return ", ".join("-".join(map(str, run)) for run in runs)
