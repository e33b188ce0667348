"""The group of commands. Each is imported when it is used, so that a thin one starts fast."""

from __future__ import annotations

import importlib
from typing import Any, Final

import click

from .exits import MEANINGS

_COMMANDS: Final = {
    "run": ("run", "run", "Run a node in the foreground."),
    "stop": ("about", "stop", "End the node."),
    "id": ("about", "show_id", "Show who the node is, as others write it to reach it."),
    "connect": ("about", "connect", "Link the node to another."),
    "peers": ("about", "peers", "List the peers that the node is linked to."),
    "put": ("records", "put", "Store a value in the network."),
    "get": ("records", "get", "Find a value, and write it to stdout or a file."),
    "delete": ("records", "delete", "Delete one of the node's own records."),
    "share": ("files", "share", "Share a file or a folder."),
    "fetch": ("files", "fetch", "Fetch what somebody shared."),
    "shares": ("shares", "shares", "List the shares that the node keeps alive."),
    "unshare": ("shares", "unshare", "Keep a share alive no more."),
    "forget": ("shares", "forget", "Put what was put under a key again no more."),
    "place": ("place", "place", "Show where the node's services are, or move one."),
    "top": ("top", "top", "Watch the node's services."),
    "config": ("config", "config", "Show and check the configuration."),
    "reload": ("place", "reload", "Let the node read its configuration again."),
    "tune": ("tune", "tune", "Find the best placement of services on this machine, for a load."),
    "stats": ("about", "stats", "Show the node in numbers."),
    "testnet": ("testnet", "testnet", "Run several nodes that know each other, to try things out."),
    "doctor": ("doctor", "doctor", "Look for what is wrong with a node, and say what to do."),
    "completion": ("completion", "completion", "Print a script that completes commands in a shell."),
}
"""Module, function, and the line of the overview."""


class Lazy(click.Group):
    """A group whose commands are files."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, function, _ = _COMMANDS[cmd_name]
        found: Any = getattr(importlib.import_module(f".{module}", __package__), function)
        assert isinstance(found, click.Command), "a command"
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            if not near or "mean" in error.format_message():
                raise
            raise click.UsageError(f"{error.format_message()} Did you mean {near[0]!r}?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in MEANINGS.items()])


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from ..version import VERSION

        click.echo(f"mdht {VERSION}")
        context.exit()


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def app() -> None:
    """A peer-to-peer node: share signed records and files with other nodes.

    `mdht run` starts one in the foreground; the other commands ask it. `-` is stdin or stdout.
    """
