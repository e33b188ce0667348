"""Whether a running service may move somewhere, and who moves along. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ipc import PlacementError
from ipc.placement import Placement

from ..config import Config
from ..config.node import cpu_count
from ..config.services import Fault, faults_of, together
from ..errors import ConfigError
from ..model.address import TCP

IN_MEMORY = ("store", "published")
"""Services whose records are lost with their place, unless they are on a disk."""


def moved_together(config: Config, now: Mapping[str, str], name: str, placement: str) -> list[str]:
    """The service, and those that have to be beside it: `local` stands where its links are, if it did and can."""
    if name == "links" and "local" in now:
        links, local = Placement.parse(now["links"]), Placement.parse(now["local"])
        try:
            into = Placement.parse(placement)
        except PlacementError:
            return [name]  # whoever checks it says what is wrong
        if into.count > 1 or (links == local and (links.group is not None or into.group is not None)):
            return ["links", "local"]
    return [name]


def check_move(config: Config, now: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Raise ConfigError with everything that is wrong with moving these services, from where all are `now`."""
    faults: list[Fault] = []
    placed = {name: one for name, one in config.placed.items() if name in now}
    for name, text in now.items():
        placed[name] = replace(placed[name], placement=text)
    for name, text in wanted.items():
        if name not in now:
            faults.append((f"services.{name}", "no such service in this node", f"one of {', '.join(now)}"))
            continue
        own = replace(placed[name], placement=text)
        faults += faults_of(name, own, cpu_count()) or _fixed(config, name, now[name], text)
        faults += _shared_group(now, wanted, name, text)
        placed[name] = own
    if not faults:
        faults = together({**config.placed, **placed})
    if faults:
        raise ConfigError(faults)


def _fixed(config: Config, name: str, before: str, after: str) -> list[Fault]:
    """What a running node cannot change."""
    key, old, new = f"services.{name}.placement", Placement.parse(before), Placement.parse(after)
    if name == "links" and new.count > 1 and any(kind != TCP for kind, _, _ in config.listen_at):
        return [(key, repr(after), "one place: only TCP can be passed on to links in several")]
    if name in IN_MEMORY and config.store == "memory" and old != new:
        right = f'{before}: its records are in memory, and would be lost; store = "lmdb" keeps them'
        return [(key, repr(after), right)]
    return []


def _shared_group(now: Mapping[str, str], wanted: Mapping[str, str], name: str, text: str) -> list[Fault]:
    """A group is of one spawner and one size, as long as anybody is in it."""
    try:
        new = Placement.parse(text)
    except PlacementError:
        return []  # told already
    for other, there in now.items():
        old = Placement.parse(there)
        same = (old.spawner, old.count) == (new.spawner, new.count) or other in wanted
        if new.group is not None and old.group == new.group and not same:
            right = f"another group, such as @{new.group}2: {other} has @{old.group} as {old.spawner}:{old.count}"
            return [(f"services.{name}.placement", repr(text), right)]
    return []
