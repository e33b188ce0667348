"""How two configurations differ, and what of it a running node can take over. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from .limits import Limits
from .node import Config
from .services import ServiceConfig, brief

LIVE: Final = frozenset({"allow", "deny", "seeds", "timeout_s", "limits.links"})
"""Keys that count at once on a running node, besides the placements of its services."""

HIDDEN: Final = "(a secret)"
"""In place of the secret."""


@dataclass(frozen=True, slots=True)
class Change:
    """One key whose values differ, as text. `live`: a running node can take it over."""

    key: str
    before: str
    after: str
    live: bool


def differences(before: Config, after: Config) -> list[Change]:
    """Every key that differs, in the order of the fields. Of services each part by itself, wherever it comes from:
    `profile` is not a key here, but what it comes to.
    """
    changes: list[Change] = []

    def compare(key: str, old: Any, new: Any, live: bool) -> None:
        if old != new:
            secret = key == "secret"
            changes.append(Change(key, HIDDEN if secret else shown(old), HIDDEN if secret else shown(new), live))

    for one in fields(Config):
        if one.name not in ("profile", "limits", "services"):
            compare(one.name, getattr(before, one.name), getattr(after, one.name), one.name in LIVE)
    for one in fields(Limits):
        key = f"limits.{one.name}"
        compare(key, getattr(before.limits, one.name), getattr(after.limits, one.name), key in LIVE)
    old_services, new_services = before.placed, after.placed
    for name in old_services:
        old, new = old_services[name], new_services[name]
        for one in fields(ServiceConfig):
            live = one.name == "placement"
            make = brief if live else _same
            compare(f"services.{name}.{one.name}", make(getattr(old, one.name)), make(getattr(new, one.name)), live)
    return changes


def shown(value: Any) -> str:
    """A value as TOML has it; TOML has no word for None."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(shown, value))}]"
    return "not set" if value is None else str(value)


def quoted(text: str) -> str:
    """A basic string of TOML 1.0."""
    made = []
    for char in text:
        if char in '"\\':
            made.append("\\" + char)
        elif char < " " or char == "\x7f":
            made.append(f"\\u{ord(char):04x}")
        else:
            made.append(char)
    return f'"{"".join(made)}"'


def _same(value: Any) -> Any:
    return value
