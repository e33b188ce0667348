"""`run`: a node in the foreground."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from . import output
from .exits import INTERRUPTED
from .terms import Terms, common

if TYPE_CHECKING:
    from ..config import Config
    from ..node import Node

_log: Final = logging.getLogger("mdht")

_LEVELS: Final = ("debug", "info", "warning", "error")


@click.command()
@click.option(
    "--config", "-c", "file", type=click.Path(dir_okay=False), metavar="FILE", help="Settings (TOML).  [default: "
    "config.toml in the data directory, where it exists]"
)  # fmt: skip
@click.option("--listen", "-l", multiple=True, metavar="HOST:PORT", help="Where others may dial; port 0: any.")
@click.option("--advertise", multiple=True, metavar="HOST:PORT", help="What others are told instead.")
@click.option("--seed", "-s", "seeds", multiple=True, metavar="[ID@]HOST:PORT", help="Whom to dial first.")
@click.option("--network", metavar="NAME", help="Name of the network.  [default: mdht]")
@click.option(
    "--secret-file", type=click.Path(dir_okay=False), metavar="FILE", help="Holds a private network's secret."
)
@click.option("--store", type=click.Choice(["lmdb", "memory"]), help="Where records are kept.  [default: lmdb]")
@click.option("--replicas", type=int, metavar="N", help="Peers that a put is sent to.  [default: 8]")
@click.option("--log-level", type=click.Choice(_LEVELS), default="warning", show_default=True, help="Of the log.")
@click.option("--until-eof", is_flag=True, help="End when stdin ends, too: for programs that start nodes.")
@common
def run(terms: Terms, file: str | None, secret_file: str | None, log_level: str, until_eof: bool, **flags: Any) -> int:
    """Run a node in the foreground until SIGINT, SIGTERM or `mdht stop`; a second signal ends it at once.

    It prints its id and addresses once it listens. The log is on stderr. Options count more than the file. SIGHUP lets
    it read the file again, as `mdht reload` does.
    """
    from ..errors import ConfigError
    from ..node import Node
    from .leash import end_with_stdin
    from .process import OpenFiles, freeze_what_lives
    from .serving import serve
    from .settings import secret_of, settings

    if until_eof:
        end_with_stdin()
    logging.basicConfig(stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    if secret_file is not None:
        flags["secret"] = secret_of(secret_file)
    source = click.get_current_context().get_parameter_source("data_dir")
    named = source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")

    files = OpenFiles()

    def written() -> Config:
        try:
            config = settings(file, terms.data_dir, named, flags)
        except click.UsageError as error:
            raise ConfigError([("file", error.format_message(), "a file that can be read")]) from None
        files.allow(config)
        return config

    def ready() -> None:
        freeze_what_lives()
        _ready(terms, node)

    config = settings(file, terms.data_dir, named, flags)
    files.allow(config)
    node = Node(config, reread=written)
    code = serve(node, ready, node.await_stopped, node.astats, lambda: _reload(node))
    terms.note("\nEnded." if code == INTERRUPTED and sys.stderr.isatty() else "Ended.")
    return code


async def _reload(node: Node) -> None:
    """By SIGHUP: what became of it is in the log."""
    from ..errors import ConfigError

    try:
        done = await node.areload()
    except ConfigError as error:
        _log.error("the configuration is faulty, and nothing was changed: %s", error)
        return
    for key, before, after in done.applied:
        _log.warning("changed: %s, from %s to %s", key, before, after)
    for key, before, after, why in done.failed:
        _log.error("not changed: %s, from %s to %s: %s", key, before, after, why)
    for key, before, after in done.restart:
        _log.warning("needs a restart: %s, from %s to %s", key, before, after)


def _ready(terms: Terms, node: Node) -> None:
    from ..version import VERSION

    if terms.json:
        output.result(
            {
                "ready": True,
                "id": node.id,
                "public": node.public,
                "addresses": list(node.addresses),
                "address": node.address if node.addresses else None,
                "data_dir": node.config.data_dir,
                "pid": os.getpid(),
                "version": VERSION,
            }
        )
        return
    for where in node.addresses:
        output.line(f"{node.id.hex()}@{where}")
    if not node.addresses:
        output.line(node.id.hex())
    terms.note(f"Ready. Data in {node.config.data_dir}; end it with Ctrl-C or `mdht stop`.")
