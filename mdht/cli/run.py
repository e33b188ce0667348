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
    from ..config.written import Written
    from ..node import Node, NodeStats

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
@click.option(
    "--profile", metavar="NAME", help="Where services live: single, threads, server or low-memory.  [default: single]"
)
@click.option("--replicas", type=int, metavar="N", help="Peers that a put is sent to.  [default: 8]")
@click.option("--log-level", type=click.Choice(_LEVELS), default="warning", show_default=True, help="Of the log.")
@click.option("--until-eof", is_flag=True, help="End when stdin ends, too: for programs that start nodes.")
@common
def run(terms: Terms, file: str | None, secret_file: str | None, log_level: str, until_eof: bool, **flags: Any) -> int:
    """Run a node in the foreground until SIGINT, SIGTERM or `mdht stop`; a second signal ends it at once.

    It prints its id and addresses once it listens. The log is on stderr. Options count more than the file. SIGHUP lets
    it read the file again, as `mdht reload` does. Sockets that systemd passes are listened at in place of binding.
    """
    from ..errors import ConfigError
    from ..node import Node
    from .activation import passed_sockets
    from .leash import end_with_stdin
    from .process import OpenFiles, freeze_what_lives
    from .serving import serve
    from .settings import STDIN, Source, secret_of

    if until_eof:
        if file == STDIN:
            raise click.UsageError(
                "--until-eof waits for the end of stdin, so the configuration cannot come from there."
            )
        end_with_stdin()
    logging.basicConfig(stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    if secret_file is not None:
        flags["secret"] = secret_of(secret_file)
    given = click.get_current_context().get_parameter_source("data_dir")
    named = given is not None and given.name in ("COMMANDLINE", "ENVIRONMENT")

    files, source = OpenFiles(), Source(file, terms.data_dir, named, flags)

    def written() -> Written:
        try:
            found = source.read()
        except click.UsageError as error:
            right = "a file that can be read; nothing was changed"
            raise ConfigError([("file", error.format_message().rstrip("."), right)]) from None
        files.allow(found.config)
        return found

    def ready() -> None:
        freeze_what_lives()
        _ready(terms, node)

    config = source.read().config
    files.allow(config)
    node = Node(config, reread=written, inherited=passed_sockets(config))
    code = serve(node, ready, node.await_stopped, node.astats, lambda: _reload(node), _status)
    terms.note("\nEnded." if code == INTERRUPTED and sys.stderr.isatty() else "Ended.")
    return code


async def _reload(node: Node) -> None:
    """By SIGHUP: what became of it is in the log."""
    from ..errors import ConfigError
    from .reloaded import told

    try:
        done = await node.areload()
    except ConfigError as error:
        _log.error("the configuration is faulty, and nothing was changed: %s", error)
        return
    for level, text in told(done):
        _log.log(level, "%s", text)


def _status(stats: NodeStats) -> str:
    """A node in a line, for its service manager."""
    links, records = output.count(stats.links.links, "link"), output.count(stats.store.records, "record")
    return f"{links}, {records}, {output.size(stats.store.bytes)}"


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
