"""The configuration of `mdht run`: a file, and what the command line says over it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from ..config import Config, read_toml
from ..config.changes import HIDDEN, shown
from ..config.written import Written
from ..data_dir import CONFIG_FILE
from ..errors import ConfigError

_FILE_BYTES = 1 << 20
"""A configuration is written by hand; what is larger is another file."""


STDIN: Final = "-"


class Source:
    """Where the configuration of a node that is run is written: a file, and what the command line says over it.

    Its data directory is kept, and its records with it unless the file says otherwise. Without a `file`, `config.toml`
    in the data directory is read where it exists; `-` is stdin. `named`: the directory was given on the command line,
    and so counts more than what the file says. Flags that are None or empty say nothing.
    """

    def __init__(self, file: str | None, data_dir: str, named: bool, flags: Mapping[str, Any]) -> None:
        self._file = file
        self._data_dir = data_dir
        self._over = {key: value for key, value in flags.items() if value not in (None, (), "")}
        if named:
            self._over["data_dir"] = data_dir
        self._taken = False

    def read(self) -> Written:
        """What is written now. A file that was read once must be there again.

        Raises ConfigError with all faults of file and flags, and click.UsageError for a file that cannot be read.
        """
        if self._file is None:
            kept = os.path.join(self._data_dir, CONFIG_FILE)
            self._file = kept if os.path.exists(kept) else None
        if self._file == STDIN:
            if self._taken:
                raise click.UsageError("The configuration came from stdin, which cannot be read again.")
            self._taken = True
        there = {} if self._file is None else _flat(_read(self._file))
        tables = {"store": "lmdb", "data_dir": self._data_dir, **there, **self._over}
        tables = {key: list(value) if isinstance(value, tuple) else value for key, value in tables.items()}
        if isinstance(tables["data_dir"], str):
            tables["data_dir"] = _whole(tables["data_dir"])
        return Written(Config.from_tables(tables), tuple(self._overridden(there)))

    def _overridden(self, there: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        for key, counts in self._over.items():
            if key not in there:
                continue
            said = there[key]
            if key == "data_dir" and isinstance(said, str):
                said, counts = _whole(said), _whole(counts)
            if (tuple(said) if isinstance(said, list) else said) != counts:
                yield (key, HIDDEN, HIDDEN) if key == "secret" else (key, shown(said), shown(counts))


def settings(file: str | None, data_dir: str, named: bool, flags: Mapping[str, Any]) -> Config:
    """What a `Source` says once. Raises ConfigError and click.UsageError."""
    return Source(file, data_dir, named, flags).read().config


def _whole(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _read(path: str) -> dict[str, Any]:
    try:
        if path == STDIN:
            if sys.stdin is None:
                raise click.UsageError("There is no stdin to take the configuration from.")
            data = sys.stdin.buffer.read(_FILE_BYTES + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(_FILE_BYTES + 1)
    except OSError as error:
        raise click.UsageError(f"Cannot read the configuration {path}: {error.strerror}.") from None
    if len(data) > _FILE_BYTES:
        raise ConfigError([("toml", f"{path} has more than {_FILE_BYTES:,} bytes", "the configuration of one node")])
    return read_toml(data)


def _flat(tables: dict[str, Any]) -> dict[str, Any]:
    """With the keys of [node] at the top, where those of the command line go."""
    node = tables.get("node")
    if not isinstance(node, dict):
        return tables
    return {**{key: value for key, value in tables.items() if key != "node"}, **node}


def secret_of(path: str) -> str:
    """A private network's secret, kept in a file: on a command line everybody could read it. Raises UsageError."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read(1024).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text of hexadecimal digits"
        raise click.UsageError(f"Cannot read the secret in {path}: {reason}.") from None
