"""Which placements a service may have, by what its class says of itself. Pure."""

from __future__ import annotations

import sys

from ..errors import PlacementError
from ..placement import Placement, all_pairs
from ..scheduling import Scheduling
from ..service import Service, waits_in_place
from ..spawners.base import SPAWNERS


def check_placement(
    cls: type[Service], placement: Placement, virtual: bool = False, scheduling: Scheduling | None = None
) -> None:
    """Raise `PlacementError` with the placements that would work, where this service cannot have this one."""
    text = str(placement)
    if scheduling is not None and not is_apart(placement.spawner):
        apart = [pair for pair in legal_for(cls, virtual) if is_apart(pair.partition("+")[0])]
        raise PlacementError(text, "affinity and nice are those of a process, which it does not have to itself", apart)
    if virtual and reaches(placement.channel, True) and not unplaceable(cls, placement.spawner, virtual):
        raise PlacementError(text, "in virtual time there are no descriptors", legal_for(cls, virtual))
    if reason := unplaceable(cls, placement.spawner, virtual):
        raise PlacementError(text, reason, legal_for(cls, virtual))
    if cls.blocking and placement.group is not None:
        raise PlacementError(
            text, f"{cls.__qualname__} blocks its thread, so it joins no group", legal_for(cls, virtual)
        )
    if placement.count > 1 and placement.group is None and cls.shard_key is None and not cls.per_host:
        one = f"{placement.spawner}+{placement.channel}"
        raise PlacementError(text, f"{cls.__qualname__} has no shard_key, so commands cannot be dealt to shards", [one])


def is_apart(spawner: str) -> bool:
    """Whether its hosts are processes of their own."""
    return spawner in SPAWNERS and SPAWNERS[spawner].elsewhere


def unplaceable(cls: type[Service], spawner: str, virtual: bool = False) -> str:
    """Why a class cannot be placed by this spawner; empty where it can."""
    if spawner == "inline" and waits_in_place(cls):
        return f"{cls.__qualname__} waits half-way in a call, so its stack must be kept"
    if spawner in ("inline", "coroutine") and cls.blocking:
        return f"{cls.__qualname__} blocks its thread, so it needs one to itself"
    if spawner not in SPAWNERS:
        return ""
    if virtual:
        return "in virtual time everything is on one thread"
    return unimportable(cls) if SPAWNERS[spawner].elsewhere else ""


def unimportable(cls: type[Service]) -> str:
    """Why another process could not import this class; empty where it could."""
    if "<locals>" in cls.__qualname__:
        return f"{cls.__qualname__} is defined inside a function, where another process cannot import it"
    if cls.__module__ in ("__main__", "__mp_main__"):
        main = sys.modules["__main__"]
        if getattr(main, "__spec__", None) is None and getattr(main, "__file__", "<stdin>") == "<stdin>":
            return f"{cls.__qualname__} is defined in a __main__ without a file, which another process cannot import"
    return ""


def legal_for(cls: type[Service], virtual: bool = False) -> list[str]:
    """The pairs that a class may have."""
    pairs = [pair for pair in all_pairs() if not unplaceable(cls, pair.partition("+")[0], virtual)]
    return [pair for pair in pairs if not (virtual and pair.endswith("+zmq"))]


def reaches(channel: str, same_process: bool) -> str:
    """The channel a sender uses towards a service placed with `channel`: empty (objects), or one that carries
    frames.
    """
    if channel not in ("none", "deque", "queue"):
        return channel
    return "" if same_process else "pipe"
