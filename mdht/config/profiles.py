"""Named placements that ship with the package: `profile = "server"`. Single services may still be placed otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ipc.placement import MAX_COUNT

from .limits import Limits
from .services import SERVICES, ResolvedService

_MiB: Final = 1 << 20


Cpus = Callable[[], int]
"""How many CPUs there are; asked only where it matters."""


def _single(cpus: Cpus) -> dict[str, str]:
    return {}


def _threads(cpus: Cpus) -> dict[str, str]:
    return dict.fromkeys(("store", "published", "upkeep", "files"), "thread")


def _server(cpus: Cpus) -> dict[str, str]:
    links = f"process:{max(1, min(cpus(), MAX_COUNT))}@links"
    return {
        "links": links,
        "local": links,
        "store": "process",
        "published": "process@background",
        "upkeep": "process@background",
        "files": "process",
    }


_PLACED: Final[dict[str, Callable[[Cpus], dict[str, str]]]] = {
    "single": _single,
    "threads": _threads,
    "server": _server,
    "low-memory": _single,
}

PROFILES: Final = tuple(_PLACED)
"""`single`: all on one thread. `threads`: disks and background work beside it. `server`: a process of links for each
CPU that it finds, the store and files in their own. `low-memory`: one thread, and small bounds.
"""

_LOW: Final = Limits(
    links=256,
    half_open=32,
    store_bytes=64 * _MiB,
    peer_bytes=16 * _MiB,
    subnet_bytes=32 * _MiB,
    owner_bytes=8 * _MiB,
    served_streams=8,
    requests=256,
)
"""Links 12 MiB, streams 4 MiB, and a store that a small disk, or 100 MiB of memory, holds."""


def placed_by(profile: str, cpus: Cpus) -> dict[str, ResolvedService]:
    """Every service as the profile places it on a machine with so many CPUs. Raises KeyError."""
    placed = _PLACED[profile](cpus)
    return {name: ResolvedService(placed.get(name, "inline")) for name in SERVICES}


def limits_of(profile: str) -> Limits:
    """The bounds of a profile; those of an unknown one are the usual."""
    return _LOW if profile == "low-memory" else Limits()
