"""What the owner of a tree holds of a service that other machines reach."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..channels.bounds import Bounds
from ..errors import Insecure, IpcError, WouldDeadlock
from ..limits import REMOTE_BYTES, REMOTE_COMMANDS, STOP_TIMEOUT_S
from ..threads import refuse_to_block
from .curve import Curve, check_endpoint, check_key, check_keys
from .gateway import Gateway
from .zap import AllowList

if TYPE_CHECKING:
    from ..tree.core import Tree


@dataclass(frozen=True, slots=True)
class ExposureStats:
    """Plain numbers of one exposure."""

    peers: int
    """Callers that are connected and were welcomed."""
    connections: int
    """Connections that stand, those included that have not proven their keys yet."""
    refused: int
    """Connections that did not get through their handshake: key not allowed, wrong server key, too many, no ZeroMQ."""
    bad_frames: int
    """Messages that are not of the protocol; each cost its sender the connection."""
    dropped: int
    """Callers sent away for what they did: those of the bad frames, and who sent without credits or did not read."""
    lost: int
    """Casts that did not reach the service, because it had ended or does not know their type."""


class Exposure:
    """A service at a tcp endpoint. Made by `Supervisor.expose`. Thread-safe; closed with its tree at the latest."""

    def __init__(self, gateway: Gateway, public: str) -> None:
        self._gateway = gateway
        self.name = gateway.name
        self.endpoint = gateway.endpoint
        """Where it is reached; the port is a number even where 0 or * was asked for."""
        self.server_key = public
        """The public key that callers must give."""

    def allow(self, key: str) -> None:
        """Let the owner of this public key connect from now on. Raises `Insecure` where it is no key."""
        self._gateway.allowed.add(check_key(key, "public key"))

    def deny(self, key: str) -> None:
        """Let them connect no more, and send away, soon, those who are connected. With no key left, nobody can."""
        self._gateway.allowed.remove(check_key(key, "public key"))
        self._gateway.host.soon(lambda: self._gateway.deny(key))

    def stats(self) -> ExposureStats:
        """Its numbers. Does not block."""
        gateway = self._gateway
        peers = sum(peer.state.name == "OPEN" for peer in list(gateway.peers.values()))
        return ExposureStats(
            peers, len(gateway.connections), gateway.refused, gateway.bad_frames, gateway.dropped, gateway.lost
        )

    def close(self) -> None:
        """Let nobody in any more; callers that wait are told `ServiceDied`. What was received is served. Idempotent.

        Blocks until it is done. Raises `WouldDeadlock` on an event loop's thread: use `aclose` there.
        """
        refuse_to_block("close")
        if self._gateway.closed:
            return
        if self._gateway.host.is_current():
            raise WouldDeadlock("close() would wait for its own thread: use `await ….aclose()` instead")
        self._gateway.host.submit(self._gateway.close("the exposure was closed", STOP_TIMEOUT_S)).result()

    async def aclose(self) -> None:
        """`close`, awaited."""
        if not self._gateway.closed:
            await self._gateway.host.run(self._gateway.close("the exposure was closed", STOP_TIMEOUT_S))

    def abandon(self) -> None:
        """What the interpreter does at its end, where nobody had closed it and its event loop runs no more."""
        self._gateway.abandon()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._gateway.closed

    def __repr__(self) -> str:
        return f"<exposure of {self.name!r} at {self.endpoint}>"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a service is to be exposed under, checked."""

    name: str
    endpoint: str
    curve: Curve
    allowed: AllowList
    bounds: Bounds
    max_peers: int

    @classmethod
    def check(
        cls,
        name: str,
        endpoint: str,
        curve: Curve | None,
        allow: Iterable[str],
        bounds: Bounds | None,
        max_peers: int,
    ) -> Terms:
        """Raises `Insecure`, and `ValueError` for `max_peers`."""
        check_endpoint(endpoint)
        if not isinstance(curve, Curve):
            raise Insecure(
                f"service {name!r} is exposed with CURVE keys only: give Curve.generate() or Curve.load(path)"
            )
        allowed = AllowList(check_keys(allow, "public key"))
        if max_peers < 1:
            raise ValueError(f"max_peers must be at least 1, not {max_peers}")
        return cls(name, endpoint, curve, allowed, bounds or Bounds(REMOTE_COMMANDS, REMOTE_BYTES), max_peers)


async def open_exposure(tree: Tree, terms: Terms) -> Exposure:
    """On the tree's control loop. Raises `IpcError`, `ChannelError`."""
    if tree.virtual:
        raise IpcError("a tree in virtual time has no sockets: expose services of a tree in real time")
    return Exposure(Gateway(tree, tree.reader(), terms), terms.curve.public)


async def close_exposures(exposures: Iterable[Exposure]) -> None:
    """What a tree does before it is closed. On its control loop."""
    await asyncio.gather(*(exposure._gateway.close("its tree was closed") for exposure in exposures))
