"""One placement of a whole node: each service that is not inline. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ipc import PlacementError
from ipc.placement import Placement

from ..config import SERVICES, Config, ServiceConfig
from ..config.changes import quoted

_USUAL = "inline"


@dataclass(frozen=True, slots=True)
class Placed:
    """Names and placements, in the order of `config.SERVICES`, without those that are inline. Make one with `of`."""

    services: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, placements: Mapping[str, str]) -> Placed:
        """From names and placements, which need not be legal. Two ways to write the same come to the same."""
        named = {name: _plain(text) for name, text in placements.items()}
        order = [*SERVICES, *sorted(named.keys() - set(SERVICES))]
        return cls(tuple((name, named[name]) for name in order if named.get(name, _USUAL) != _USUAL))

    @classmethod
    def of_config(cls, config: Config) -> Placed:
        """Where that configuration places everything on this machine."""
        return cls.of({name: one.placement for name, one in config.placed.items()})

    def at(self, service: str) -> Placement:
        """Where a service is. Raises PlacementError."""
        return Placement.parse(dict(self.services).get(service, _USUAL))

    def but(self, changes: Mapping[str, str]) -> Placed:
        """The same with these services elsewhere."""
        return Placed.of({**dict(self.services), **changes})

    def config(self) -> dict[str, ServiceConfig | str]:
        """What `Config(services=…)` takes: every service is named, whatever the profile has."""
        placed = dict(self.services)
        return {name: placed.get(name, _USUAL) for name in SERVICES}

    def faults(self, store: str) -> list[str]:
        """Why a node cannot be placed so; empty where it can."""
        config = Config(services=self.config(), store=store, data_dir="node" if store == "lmdb" else "")
        return [f"{key}: {wrong}; {right}" for key, wrong, right in config.validate()]

    def processes(self) -> int:
        """How many processes such a node has, its first included."""
        groups: dict[str, int] = {}
        for name, text in self.services:
            place = Placement.parse(text)
            if place.spawner == "process":
                groups[place.group or f"service {name}"] = place.count
        return 1 + sum(groups.values())

    def toml(self) -> str:
        """The part of a configuration that places services so; it starts from the profile `single`."""
        lines = ['profile = "single"', "", "[services]"]
        lines += [f"{name} = {quoted(text)}" for name, text in self.services]
        return "\n".join(lines) + "\n"

    def __str__(self) -> str:
        if not self.services:
            return "single"
        return " ".join(f"{','.join(names)}={text}" for text, names in self._by_text().items())

    def _by_text(self) -> dict[str, list[str]]:
        by_text: dict[str, list[str]] = {}
        for name, text in self.services:
            by_text.setdefault(text, []).append(name)
        return by_text


SINGLE = Placed()
"""Everything on one thread."""


def _plain(text: str) -> str:
    """Without the channel that it would have anyway."""
    try:
        place = Placement.parse(text)
    except PlacementError:
        return text  # whoever checks it says what is wrong
    full = str(place)
    short = full.partition("+")[0]
    return short if str(Placement.parse(short)) == full else full
