"""`config`: the configuration of a node, shown and checked."""

from __future__ import annotations

import os

import click

from . import output
from .exits import DONE
from .terms import Terms, alone, common


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def config() -> None:
    """Show and check the configuration."""


@config.command()
@click.option("--live", is_flag=True, help="As it is now, with what differs from the start marked.")
@common
def show(terms: Terms, live: bool) -> int:
    """Show the whole configuration of the running node as TOML, without its secret.

    Where no node runs, and --live is not given: that of the file in the data directory.
    """
    from ..config.changes import differences
    from ..config.node import Config
    from ..config.writing import toml_of
    from ..control import Shown
    from ..errors import NoNode
    from .settings import settings

    try:
        shown = terms.node().show_config(live)
    except NoNode:
        if live:
            raise
        written = settings(None, terms.data_dir, False, {})
        changes = differences(Config(), written)
        shown = Shown(toml_of(written), tuple((one.key, one.before, one.after) for one in changes))
        terms.note(f"No node runs in {terms.data_dir}: this is how one would be run there.")
    if terms.json:
        changed = [dict(zip(("key", "before", "after"), one, strict=True)) for one in shown.changed]
        output.result({"toml": shown.toml, "changed": changed})
    else:
        click.echo(shown.toml, nl=False)
    return DONE


@config.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@alone
def check(terms: Terms, file: str) -> int:
    """Check a configuration file (`-`: stdin): all its faults at once, each with its key and what would be right.

    Exit code 2 where it has any.
    """
    from .settings import STDIN, settings

    found = settings(file, terms.data_dir, False, {})
    if terms.json:
        output.result({"ok": True, "file": file if file == STDIN else os.path.abspath(file), "profile": found.profile})
    else:
        terms.note(f"{'stdin' if file == STDIN else file}: no faults.")
    return DONE


@config.command()
@alone
def profiles(terms: Terms) -> int:
    """List the profiles, and where each places the services on this machine."""
    from ..config.cpus import cpu_count
    from ..config.profiles import PROFILES, placed_by

    cpus = cpu_count()
    placed = {
        name: {one: part.placement for one, part in placed_by(name, lambda: cpus).items() if part.placement != "inline"}
        for name in PROFILES
    }
    if terms.json:
        output.result({"cpus": cpus, "profiles": placed})
        return DONE
    rows = [
        (name, ", ".join(f"{one}: {text}" for one, text in services.items()) or "everything inline, on one thread")
        for name, services in placed.items()
    ]
    output.table(("Profile", "Services"), rows)
    terms.note(f'On {output.count(cpus, "CPU")}. Choose one by `profile = "{PROFILES[-2]}"` in the configuration.')
    return DONE
