"""Options that every command has, and the node that a thin one asks."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..data_dir import default_data_dir
from .values import SECONDS

if TYPE_CHECKING:
    from ..remote import RemoteNode

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Terms:
    """For whom a command writes, and which node it means."""

    data_dir: str
    json: bool
    quiet: bool

    def node(self) -> RemoteNode:
        """The node that runs there, not asked yet."""
        from ..remote import RemoteNode

        return RemoteNode(self.data_dir)

    def note(self, text: str) -> None:
        """A line for people on stderr."""
        if not self.json and not self.quiet:
            click.echo(text, err=True)


def alone(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command that asks no node its `Terms` as the first argument."""

    @click.option("--json", "as_json", is_flag=True, help="Write JSON, errors too.")
    @click.option("--quiet", "-q", is_flag=True, help="Write the result only.")
    @functools.wraps(command)
    def wrapper(*args: Any, as_json: bool, quiet: bool, **options: Any) -> Any:
        return command(Terms(default_data_dir(), as_json, quiet), *args, **options)

    return wrapper


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command its `Terms` as the first argument, and the option which node they mean."""

    @click.option(
        "--data-dir",
        "-d",
        type=click.Path(file_okay=False),
        envvar="MDHT_DATA_DIR",
        metavar="DIR",
        help="The node's data directory.  [default: $MDHT_DATA_DIR, else ~/.local/share/mdht]",
    )
    @click.option("--json", "as_json", is_flag=True, help="Write JSON, errors too.")
    @click.option("--quiet", "-q", is_flag=True, help="Write the result only.")
    @functools.wraps(command)
    def wrapper(*args: Any, data_dir: str | None, as_json: bool, quiet: bool, **options: Any) -> Any:
        where = default_data_dir() if not data_dir else os.path.abspath(os.path.expanduser(data_dir))
        return command(Terms(where, as_json, quiet), *args, **options)

    return wrapper


def waiting(what: str = "Seconds to wait for the answer.  [default: the node's own, 20]") -> Callable[[F], F]:
    """Gives a command its `timeout`."""
    return click.option(
        "--timeout",
        type=SECONDS,
        metavar="SECONDS",
        help=what,
    )
