"""A configuration as it is read again from where it is written."""

from __future__ import annotations

from dataclasses import dataclass

from .node import Config


@dataclass(frozen=True, slots=True)
class Written:
    """What is written now, and what of it does not count."""

    config: Config
    overridden: tuple[tuple[str, str, str], ...] = ()
    """Keys for which something else counts more than the file (the command line): what the file says, what counts."""
