"""Moves a running node to a placement, one service after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from ipc import IpcError
from ipc.placement import Placement

from ..control import Moved, ServiceRow
from ..errors import MdhtError
from .placed import Placed


class Movable(Protocol):
    """A running node: `Node` or `RemoteNode`."""

    def services(self) -> list[ServiceRow]: ...

    def move(self, service: str, placement: str, timeout: float = ...) -> Moved: ...


def apply(node: Movable, placed: Placed, tell: Callable[[str], None]) -> dict[str, str]:
    """Move every service that is elsewhere; those that could not be, each with the reason.

    Such a one stays where it was, and takes a restart with the configuration. Raises what asking the node raises.
    """
    failed: dict[str, str] = {}
    for name, text in steps({one.name: one.placement for one in node.services()}, placed):
        try:
            moved = node.move(name, text)
        except (MdhtError, IpcError) as error:
            failed[name] = str(error)
            tell(f"{name} stays where it is: {error}")
        else:
            along = f", {', '.join(moved.also)} along" if moved.also else ""
            tell(f"{name}: {moved.before} → {moved.after} in {moved.took_s:.2f} s{along}")
    return failed


def steps(now: Mapping[str, str], placed: Placed) -> list[tuple[str, str]]:
    """Services of a node that have to move, and where to. What answers beside the links moves along with them where
    both come to a group; else it goes first, as they need it.
    """
    wanted = [
        (name, str(placed.at(name)))
        for name, text in now.items()
        if str(Placement.parse(text)) != str(placed.at(name)) and name != "listener"
    ]
    links, local = placed.at("links"), placed.at("local")
    if links == local and links.group is not None and "links" in dict(wanted):
        wanted = [one for one in wanted if one[0] != "local"]
    return sorted(wanted, key=lambda one: {"links": 1}.get(one[0], 0))
