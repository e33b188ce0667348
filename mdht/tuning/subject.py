"""The node under test: a process of its own, as `mdht run` starts it, with nobody but the load makers."""

from __future__ import annotations

import contextlib
import os
import tempfile
from types import TracebackType
from typing import Final, Self

from ..config import Config, Limits
from ..control import ServiceRow
from ..testnet import ProcessNet
from .observed import Row
from .placed import Placed
from .processes import tree_of
from .workload import Workload

NETWORK: Final = "mdht-tuning"
"""So that no other node joins by accident."""

STORE_BYTES: Final = 4 << 30
"""Of the node under test: what a run of some minutes puts; a full store would be measured instead."""


def config_of(placed: Placed, workload: Workload) -> Config:
    """That of the node under test: one that keeps whatever it is given, and says when it has."""
    whole = STORE_BYTES
    return Config(
        network=NETWORK,
        store=workload.store,
        replicas=1,
        reads=1,
        limits=Limits(store_bytes=whole, owner_bytes=whole, peer_bytes=whole, subnet_bytes=whole),
        services=placed.config(),
    )


class Subject:
    """`with Subject(placed, workload, directory) as node`. Entering raises what `ProcessNet` raises."""

    def __init__(self, placed: Placed, workload: Workload, directory: str | None = None) -> None:
        """`directory`: where its data are kept meanwhile, so which disk is measured.

        None: that of temporary files, which are removed even where this process is killed.
        """
        self.placed = placed
        self.name = os.urandom(8).hex()
        """Its own among all nodes under test."""
        self._kept = contextlib.ExitStack()
        where = None
        if directory is not None:
            made = tempfile.TemporaryDirectory(prefix="mdht-tune-", dir=directory, ignore_cleanup_errors=True)
            where = self._kept.enter_context(made)
        self._net = ProcessNet(1, config_of(placed, workload), directory=where)

    def __enter__(self) -> Self:
        try:
            self._net.start()
        except BaseException:
            self._kept.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, and remove its data. Idempotent."""
        try:
            self._net.close()
        finally:
            self._kept.close()

    @property
    def address(self) -> str:
        """As load makers dial it."""
        return self._net[0].address

    @property
    def pids(self) -> list[int]:
        """Its process and all below."""
        return tree_of(self._net.pid(0))

    def rows(self) -> dict[str, Row]:
        """Its services in totals, by name."""
        return {one.name: row_of(one) for one in self._net[0].services()}

    def log(self) -> str:
        """The last lines that it wrote."""
        return self._net.log(0)


def row_of(one: ServiceRow) -> Row:
    """What is looked at of a service."""
    return Row(one.name, one.placement, one.pids, one.calls, one.busy_s, one.queued, one.p99_s)
