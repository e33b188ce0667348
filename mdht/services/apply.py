"""Brings parts of a new configuration to the services of a running node."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from ..config import Config
from ..config.changes import Change
from .peers.commands import Permit


class Node(Protocol):
    """What is needed of the operator."""

    config: Config

    async def move(self, name: str, placement: str) -> Any: ...

    async def tell(self, name: str, command: Any) -> Any: ...


async def apply_live(node: Node, change: Change, wanted: Config) -> None:
    """One change that is `live`. Raises ConfigError where it cannot be after all, and IpcError."""
    match change.key.split("."):
        case ["services", name, "placement"]:
            await node.move(name, wanted.placed[name].placement)
            return
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
