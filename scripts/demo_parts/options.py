"""The command line of the demonstration."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_MOST_NODES: Final = 64
"""Processes on one machine: each takes some 60 MiB."""

_MOST_REPLICAS: Final = 20
"""What a node allows."""

_ABOUT: Final = """\
Starts nodes as processes on this machine (loopback, TLS 1.3), shares FOLDER through the first, fetches it through the
second and compares the SHA-256 of every file; kills some nodes with SIGKILL, the one that shared among them; fetches it
again through the last one and compares again. Exit code 0: every file was there and the same, both times."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is wanted. `folder` is empty for the standard library of the running Python."""

    folder: str
    nodes: int
    kill: int
    replicas: int
    store: str
    keep: bool
    json: bool

    @property
    def killed(self) -> list[int]:
        """Numbers of the nodes that are killed: the first, which shared, and those after the second, which fetched."""
        return [0, *range(2, self.kill + 1)]


def read(arguments: Sequence[str] | None) -> Options:
    """Raises SystemExit (2) with what is wrong."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="default: Python's own standard library")
    parser.add_argument("--nodes", type=int, default=8, metavar="N", help="processes, 3 to 64 (default: 8)")
    parser.add_argument("--kill", type=int, default=2, metavar="N", help="of them, how many to kill (default: 2)")
    parser.add_argument(
        "--replicas", type=int, metavar="N", help="nodes that keep each part (default: one more than are killed)"
    )
    parser.add_argument("--store", choices=("lmdb", "memory"), default="lmdb", help="of each node (default: lmdb)")
    parser.add_argument("--keep", action="store_true", help="leave the directory with all that was made")
    parser.add_argument("--json", action="store_true", help="write the result as JSON")
    given = parser.parse_args(arguments)
    if not 3 <= given.nodes <= _MOST_NODES:
        parser.error(f"--nodes {given.nodes}: 3 to {_MOST_NODES}: one shares, one fetches, one fetches after the kills")
    if not 1 <= given.kill <= given.nodes - 2:
        parser.error(f"--kill {given.kill}: 1 to {given.nodes - 2}: the two that fetch stay")
    replicas = given.kill + 1 if given.replicas is None else given.replicas
    most = min(_MOST_REPLICAS, given.nodes)
    if not 1 <= replicas <= most:
        hint = "" if given.replicas is not None else " (one more than are killed); kill fewer"
        parser.error(f"--replicas {replicas}{hint}: 1 to {most}: a node keeps a part once")
    if given.folder == "":
        parser.error("FOLDER: an empty name; leave it out for the standard library")
    return Options(given.folder or "", given.nodes, given.kill, replicas, given.store, given.keep, given.json)
