"""`testnet`: several nodes that know each other."""

from __future__ import annotations

import logging
import os
import sys

import click

from . import output
from .progress import steps
from .terms import Terms, alone
from .values import Number

_MOST = 256
"""Nodes of one process: each has some 20 descriptors and 5 MiB."""


@click.command()
@click.option("--nodes", "-n", type=Number(int, 1, _MOST), default=8, show_default=True, help="How many.")
@click.option(
    "--dir", "directory", type=click.Path(file_okay=False), metavar="DIR", help="Keep their data in DIR/node0, …, and "
    "ask one by `mdht --data-dir DIR/node0`.  [default: a directory that is removed at the end]"
)  # fmt: skip
@click.option("--store", type=click.Choice(["lmdb", "memory"]), default="memory", show_default=True, help="Of each.")
@alone
def testnet(terms: Terms, nodes: int, directory: str | None, store: str) -> int:
    """Run several nodes in this process until SIGINT or SIGTERM.

    Each listens on the loopback, knows the others, and can be asked by the other commands.
    """
    import tempfile

    logging.basicConfig(stream=sys.stderr, level="WARNING", format="%(asctime)s %(levelname)s %(message)s")
    if directory is not None:
        return _run(terms, nodes, os.path.abspath(directory), store)
    with tempfile.TemporaryDirectory(prefix="mdht-") as made:
        return _run(terms, nodes, made, store)


def _run(terms: Terms, nodes: int, directory: str, store: str) -> int:
    from .serving import serve

    net = _Network(terms, nodes, directory, store)
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
        if self._terms.json:
            nodes = [
                {"id": node.id, "address": node.address, "data_dir": node.config.data_dir} for node in self._net.nodes
            ]
            output.result({"ready": True, "pid": os.getpid(), "directory": self._directory, "nodes": nodes})
            return
        for node in self._net.nodes:
            output.line(node.address)
        first = os.path.join(self._directory, "node0")
        self._terms.note(
            f"Ready: {output.count(self._count, 'node')}, end them with Ctrl-C. "
            f"Ask the first by, for example:\n  mdht put hello --data-dir {first}"
        )
