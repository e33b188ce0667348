"""What an operator does to a node from another program: services, moves, configuration, probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

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
from .requests import Asking
from .results import converted

if TYPE_CHECKING:
    from ..config import Config

_ASK_S: Final = 10.0
"""Seconds for what a node answers without the network."""

_LONG_S: Final = 120.0
"""Seconds for what takes several steps: a probe, or all the moves of a new configuration."""

MOVE_S: Final = 30.0
"""Seconds for a move where none are given, as of a node."""


class _Asks(Protocol):
    """What a remote node has to have."""

    def _do(self, asking: Asking) -> Any: ...

    async def _ado(self, asking: Asking) -> Any: ...


class RemoteControl:
    """See `mdht.node_control.Control`."""

    def services(self: _Asks) -> list[ServiceRow]:
        """As `Node.services`."""
        return self._do(_services())  # type: ignore[no-any-return]

    async def aservices(self: _Asks) -> list[ServiceRow]:
        """`services`, awaited."""
        return await self._ado(_services())  # type: ignore[no-any-return]

    def move(self: _Asks, service: str, placement: str, timeout: float = MOVE_S) -> Moved:
        """As `Node.move`; the door itself can only be moved from inside the node's program."""
        return self._do(_move(service, placement, timeout))  # type: ignore[no-any-return]

    async def amove(self: _Asks, service: str, placement: str, timeout: float = MOVE_S) -> Moved:
        """`move`, awaited."""
        return await self._ado(_move(service, placement, timeout))  # type: ignore[no-any-return]

    def show_config(self: _Asks, live: bool = False) -> Shown:
        """As `Node.show_config`."""
        return self._do(_show_config(live))  # type: ignore[no-any-return]

    async def ashow_config(self: _Asks, live: bool = False) -> Shown:
        """`show_config`, awaited."""
        return await self._ado(_show_config(live))  # type: ignore[no-any-return]

    def reload(self: _Asks, config: Config | None = None) -> Reloaded:
        """As `Node.reload`."""
        return self._do(_reload(config))  # type: ignore[no-any-return]

    async def areload(self: _Asks, config: Config | None = None) -> Reloaded:
        """`reload`, awaited."""
        return await self._ado(_reload(config))  # type: ignore[no-any-return]

    def probe(self: _Asks) -> Probed:
        """As `Node.probe`."""
        return self._do(_probe())  # type: ignore[no-any-return]

    async def aprobe(self: _Asks) -> Probed:
        """`probe`, awaited."""
        return await self._ado(_probe())  # type: ignore[no-any-return]


def _services() -> Asking:
    return Asking(ServicesCall(), _ASK_S, lambda plain: converted(plain, list[ServiceRow]))


def _move(service: str, placement: str, timeout: float) -> Asking:
    # a process has to be started for it, and the service may have to come back: that takes longer than its calls
    return Asking(MoveCall(service, placement, timeout), timeout + _LONG_S, lambda plain: converted(plain, Moved))


def _show_config(live: bool) -> Asking:
    return Asking(ConfigCall(live), _ASK_S, lambda plain: converted(plain, Shown))


def _reload(config: Config | None) -> Asking:
    toml = ""
    if config is not None:
        from ..config.writing import toml_of

        toml = toml_of(config, secret=True)
    return Asking(ReloadCall(toml), _LONG_S, lambda plain: converted(plain, Reloaded))


def _probe() -> Asking:
    return Asking(ProbeCall(), _LONG_S, lambda plain: converted(plain, Probed))
