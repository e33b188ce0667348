"""`testnet`: several nodes that know each other."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from . import output
from .progress import steps
from .terms import Terms, alone
from .values import Number

if TYPE_CHECKING:
    from ..node import Node
    from ..remote import RemoteNode

_MOST = 256
"""Nodes: in one process each has some 20 descriptors and 5 MiB, as a process 60 MiB."""


@click.command()
@click.option("--nodes", "-n", type=Number(int, 1, _MOST), default=8, show_default=True, help="How many.")
@click.option(
    "--dir", "directory", type=click.Path(file_okay=False), metavar="DIR", help="Keep their data in DIR/node0, …, and "
    "ask one by `mdht --data-dir DIR/node0`.  [default: a directory that is removed at the end]"
)  # fmt: skip
@click.option("--store", type=click.Choice(["lmdb", "memory"]), default="memory", show_default=True, help="Of each.")
@click.option("--processes", is_flag=True, help="Each a process of its own, which may be killed.")
@alone
def testnet(terms: Terms, nodes: int, directory: str | None, store: str, processes: bool) -> int:
    """Run several nodes in this process, or a process each, until SIGINT or SIGTERM.

    Each listens on the loopback, knows the others, and can be asked by the other commands.
    """
    import tempfile

    logging.basicConfig(stream=sys.stderr, level="WARNING", format="%(asctime)s %(levelname)s %(message)s")
    if processes:
        return _run_processes(terms, nodes, directory, store)
    if directory is not None:
        return _run(terms, nodes, os.path.abspath(directory), store)
    with tempfile.TemporaryDirectory(prefix="mdht-") as made:
        return _run(terms, nodes, made, store)


def _run(terms: Terms, nodes: int, directory: str, store: str) -> int:
    from .serving import serve

    net = _Network(terms, nodes, directory, store)
    return serve(net, net.ready)


def _run_processes(terms: Terms, nodes: int, directory: str | None, store: str) -> int:
    from .serving import serve

    net = _Processes(terms, nodes, directory, store)
    return serve(net, net.ready)


class _Network:
    """So many nodes on the running loop, each with a directory, and so a door, of its own."""

    def __init__(self, terms: Terms, count: int, directory: str, store: str) -> None:
        from ..testnet import TestNet

        self._terms = terms
        self._count = count
        self._directory = directory
        self._store = store
        self._net = TestNet(0)

    async def astart(self) -> None:
        from ..config import Config
        from ..node import Node

        with steps(self._terms, "Starting", self._count) as step:
            for number in range(self._count):
                place = os.path.join(self._directory, f"node{number}")
                await self._net.aadd(Node(Config(data_dir=place, store=self._store)))
                step()

    async def aclose(self) -> None:
        await self._net.aclose()

    def ready(self) -> None:
        _ready(self._terms, self._directory, [(node, node.config.data_dir, os.getpid()) for node in self._net.nodes])


class _Processes:
    """So many nodes, each a process and a directory of its own."""

    def __init__(self, terms: Terms, count: int, directory: str | None, store: str) -> None:
        from ..config import Config
        from ..testnet import ProcessNet

        self._terms = terms
        self._count = count
        self._step: Callable[[], None] = lambda: None
        self._net = ProcessNet(count, Config(store=store), directory=directory, started=lambda _: self._step())

    async def astart(self) -> None:
        with steps(self._terms, "Starting", self._count) as self._step:
            await self._net.astart()

    async def aclose(self) -> None:
        await self._net.aclose()

    def ready(self) -> None:
        numbered = enumerate(self._net.nodes)
        nodes = [(node, node.data_dir, self._net.pid(number)) for number, node in numbered]
        _ready(self._terms, self._net.directory, nodes)


def _ready(terms: Terms, directory: str, nodes: Sequence[tuple[Node | RemoteNode, str, int]]) -> None:
    """Say so; of each node its directory and process."""
    if terms.json:
        told = [
            {"id": node.id, "address": node.address, "data_dir": data_dir, "pid": pid} for node, data_dir, pid in nodes
        ]
        output.result({"ready": True, "pid": os.getpid(), "directory": directory, "nodes": told})
        return
    for node, _, _ in nodes:
        output.line(node.address)
    terms.note(
        f"Ready: {output.count(len(nodes), 'node')}, end them with Ctrl-C. "
        f"Ask the first by, for example:\n  mdht put hello --data-dir {nodes[0][1]}"
    )
