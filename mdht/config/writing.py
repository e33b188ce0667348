"""A configuration as TOML: every key with its value, so that it is the same wherever it is read. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from .changes import Change, shown
from .limits import Limits
from .node import Config
from .services import ServiceConfig


def toml_of(config: Config, changed: Iterable[Change] = (), *, secret: bool = False) -> str:
    """What `Config.from_toml` reads back. A key that `changed` names is followed by what it was, as a comment.

    The secret is left out, and a comment says so, unless `secret` asks for it.
    """
    before = {one.key: one.before for one in changed}
    lines: list[str] = []

    def write(prefix: str, key: str, value: object) -> None:
        if value is None or (prefix.startswith("services.") and key == "affinity" and value == ()):
            return
        was = before.get(f"{prefix}{key}")
        note = f"  # changed: it was {was}" if was is not None else ""
        lines.append(f"{key} = {shown(value)}{note}")

    for one in fields(Config):
        if one.name in ("limits", "services"):
            continue
        if one.name == "secret" and config.secret and not secret:
            lines.append("# secret: set, and not shown")
        else:
            write("", one.name, getattr(config, one.name))
    lines += ["", "[limits]"]
    for one in fields(Limits):
        write("limits.", one.name, getattr(config.limits, one.name))
    for name, part in config.placed.items():
        lines += ["", f"[services.{name}]"]
        for one in fields(ServiceConfig):
            write(f"services.{name}.", one.name, getattr(part, one.name))
    return "\n".join(lines) + "\n"
