"""The configuration of `mdht run`: a file, and what the command line says over it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from ..config import Config, read_toml
from ..data_dir import CONFIG_FILE
from ..errors import ConfigError

_FILE_BYTES = 1 << 20
"""A configuration is written by hand; what is larger is another file."""


def settings(file: str | None, data_dir: str, named: bool, flags: Mapping[str, Any]) -> Config:
    """That of a node that is run: its data directory is kept, and its records with it unless the file says otherwise.

    Without a `file`, `config.toml` in the data directory is read where it exists. `named`: the directory was given on
    the command line, and so counts more than what the file says. Flags that are None or empty say nothing.

    Raises ConfigError with all faults of file and flags, and click.UsageError for a file that cannot be read.
    """
    tables: dict[str, Any] = {"store": "lmdb", "data_dir": data_dir}
    if file is None:
        kept = os.path.join(data_dir, CONFIG_FILE)
        file = kept if os.path.exists(kept) else None
    if file is not None:
        tables.update(_flat(_read(file)))
    if named:
        tables["data_dir"] = data_dir
    tables.update({key: value for key, value in flags.items() if value not in (None, (), "")})
    tables = {key: list(value) if isinstance(value, tuple) else value for key, value in tables.items()}
    if isinstance(tables["data_dir"], str):
        tables["data_dir"] = os.path.abspath(os.path.expanduser(tables["data_dir"]))
    return Config.from_tables(tables)


def _read(path: str) -> dict[str, Any]:
    try:
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
