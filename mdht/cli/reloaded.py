"""What became of a new configuration, in words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from ..control import Reloaded


def told(done: Reloaded) -> Iterator[tuple[int, str]]:
    """A line for each key, and how grave it is, as `logging` has it."""
    for key, before, after in done.applied:
        yield logging.WARNING, f"changed: {key}, from {before} to {after}"
    for key, before, after, why in done.failed:
        yield logging.ERROR, f"not changed: {key}, from {before} to {after}: {why}"
    for key, before, after, why in done.restart:
        yield logging.WARNING, f"needs a restart: {key}, from {before} to {after}{f': {why}' if why else ''}"
    for key, written, counts in done.overridden:
        yield logging.WARNING, f"does not count: {key} = {written} of the file; the command line says {counts}"


def plain(done: Reloaded) -> dict[str, Any]:
    """The same for programs."""

    def named(changes: tuple[tuple[str, ...], ...]) -> list[dict[str, str]]:
        return [dict(zip(("key", "before", "after", "why"), change, strict=False)) for change in changes]

    return {
        "applied": named(done.applied),
        "restart": named(done.restart),
        "failed": named(done.failed),
        "overridden": [dict(zip(("key", "written", "counts"), one, strict=True)) for one in done.overridden],
    }
