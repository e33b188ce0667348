"""Brings a new configuration to the services of a running node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ipc import IpcError

from ..config import Config
from ..config.changes import Change, differences
from ..control import Reloaded
from ..errors import ConfigError
from .peers.commands import Permit


@dataclass(slots=True)
class Placings:
    """What became of several moves: who has moved, who may not while the node runs, and who could not, and why."""

    moved: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


class Node(Protocol):
    """What is needed of the operator."""

    config: Config

    def live(self) -> Config: ...

    async def place(self, wanted: Mapping[str, str]) -> Placings: ...

    async def tell(self, name: str, command: Any) -> Any: ...


async def take_over(
    node: Node, wanted: Config, staying: Mapping[str, str], overridden: Iterable[tuple[str, str, str]] = ()
) -> Reloaded:
    """Apply what can be applied to a running node; what cannot counts from the next start. Placements are one change: a
    group may become another one. `staying`: services that are not to be moved now, and why. Nothing is raised.
    """
    applied, failed, restart = [], [], []
    for change in differences(node.config, wanted):
        if not change.live or _placed(change):
            continue
        try:
            await apply_live(node, change, wanted)
        except (ConfigError, IpcError) as error:
            failed.append((change.key, change.before, change.after, str(error)))
        else:
            applied.append((change.key, change.before, change.after))
    moves = {change.key.split(".")[1]: change for change in differences(node.live(), wanted) if _placed(change)}
    placed = wanted.placed
    done = await node.place({name: placed[name].placement for name in moves if name not in staying})
    for name, change in moves.items():
        told = (change.key, change.before, change.after)
        if name in done.moved:
            applied.append(told)
        elif name in done.failed:
            failed.append((*told, done.failed[name]))
        else:
            restart.append((*told, done.refused.get(name) or staying.get(name, "")))
    others = [change for change in differences(node.live(), wanted) if not change.live]
    restart += [(change.key, change.before, change.after, "") for change in others]
    return Reloaded(tuple(applied), tuple(restart), tuple(failed), tuple(overridden))


async def apply_live(node: Node, change: Change, wanted: Config) -> None:
    """One change that is `live`, and no placement. Raises ConfigError where it cannot be after all, and IpcError."""
    match change.key.split("."):
        case ["limits", name]:
            limits = replace(node.config.limits, **{name: getattr(wanted.limits, name)})
            config = replace(node.config, limits=limits)
        case [name]:
            config = replace(node.config, **{name: getattr(wanted, name)})
        case _:
            raise AssertionError(f"{change.key} is not live")
    if change.key != "timeout_s":
        await node.tell("peers", permit_of(config))
    node.config = config


def permit_of(config: Config) -> Permit:
    """Who may link, how many, and whom to dial."""
    return Permit(tuple(config.allowed), tuple(config.denied), config.limits.links, config.seeds)


def _placed(change: Change) -> bool:
    return change.key.startswith("services.") and change.key.endswith(".placement")
