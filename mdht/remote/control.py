"""What an operator does to a node from another program: services, moves, configuration, probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..control import (
    ConfigCall,
    MoveCall,
    Moved,
    ProbeCall,
    Probed,
    ReloadCall,
    Reloaded,
    ServiceRow,
    ServicesCall,
    Shown,
)
from .asking import ASK_S, RemoteAsking
from .requests import Asking
from .results import converted

if TYPE_CHECKING:
    from ..config import Config

_LONG_S: Final = 120.0
"""Seconds for what takes several steps: all the moves of a new configuration."""

PROBE_S: Final = 5.0
"""Seconds for a probe where none are given, as of a node."""

MOVE_S: Final = 30.0
"""Seconds for a move where none are given, as of a node."""


class RemoteControl(RemoteAsking):
    """See `mdht.node.control.Control`."""

    def services(self) -> list[ServiceRow]:
        """As `Node.services`."""
        return self._do(_services())

    async def aservices(self) -> list[ServiceRow]:
        """`services`, awaited."""
        return await self._ado(_services())

    def move(self, service: str, placement: str, timeout: float = MOVE_S) -> Moved:
        """As `Node.move`; the door itself can only be moved from inside the node's program."""
        return self._do(_move(service, placement, timeout))

    async def amove(self, service: str, placement: str, timeout: float = MOVE_S) -> Moved:
        """`move`, awaited."""
        return await self._ado(_move(service, placement, timeout))

    def show_config(self, live: bool = False) -> Shown:
        """As `Node.show_config`."""
        return self._do(_show_config(live))

    async def ashow_config(self, live: bool = False) -> Shown:
        """`show_config`, awaited."""
        return await self._ado(_show_config(live))

    def reload(self, config: Config | None = None) -> Reloaded:
        """As `Node.reload`."""
        return self._do(_reload(config))

    async def areload(self, config: Config | None = None) -> Reloaded:
        """`reload`, awaited."""
        return await self._ado(_reload(config))

    def probe(self, timeout: float = PROBE_S) -> Probed:
        """As `Node.probe`. Raises TimedOut where the node itself does not answer."""
        return self._do(_probe(timeout))

    async def aprobe(self, timeout: float = PROBE_S) -> Probed:
        """`probe`, awaited."""
        return await self._ado(_probe(timeout))


def _services() -> Asking[list[ServiceRow]]:
    return Asking(ServicesCall(), ASK_S, lambda plain: converted(plain, list[ServiceRow]))


def _move(service: str, placement: str, timeout: float) -> Asking[Moved]:
    # a process has to be started for it, and the service may have to come back: that takes longer than its calls
    return Asking(MoveCall(service, placement, timeout), timeout + _LONG_S, lambda plain: converted(plain, Moved))


def _show_config(live: bool) -> Asking[Shown]:
    return Asking(ConfigCall(live), ASK_S, lambda plain: converted(plain, Shown))


def _reload(config: Config | None) -> Asking[Reloaded]:
    toml = ""
    if config is not None:
        from ..config.writing import toml_of

        toml = toml_of(config, secret=True)
    return Asking(ReloadCall(toml), _LONG_S, lambda plain: converted(plain, Reloaded))


def _probe(timeout: float) -> Asking[Probed]:
    return Asking(ProbeCall(timeout), timeout, lambda plain: converted(plain, Probed))
