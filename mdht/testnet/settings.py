"""A `Config` as the TOML that `mdht run` reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ..config import Config, ServiceConfig


def to_toml(config: Config) -> str:
    """The keys that differ from what the profile has, and `store` (`mdht run` has another default); no `data_dir`.

    `Config.from_toml` reads the same configuration from it.
    """
    usual = Config(profile=config.profile)
    lines = [f"profile = {_value(config.profile)}", f"store = {_value(config.store)}"]
    tables: list[str] = []
    for field in dataclasses.fields(config):
        value, default = getattr(config, field.name), getattr(usual, field.name)
        if field.name in ("data_dir", "profile", "store") or value == default:
            continue
        if dataclasses.is_dataclass(value):
            tables += _table(field.name, _differing(value, default))
        elif isinstance(value, Mapping):
            tables += _table(field.name, {key: one for key, one in value.items() if isinstance(one, str)})
            for key, one in value.items():
                if not isinstance(one, str):
                    tables += _table(f"{field.name}.{_key(key)}", _differing(one, ServiceConfig()))
        else:
            lines.append(f"{field.name} = {_value(value)}")
    return "\n".join([*lines, *tables, ""])


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    return ["", f"[{name}]", *(f"{_key(key)} = {_value(one)}" for key, one in values.items())]


def _differing(value: Any, usual: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not as usual."""
    names = [field.name for field in dataclasses.fields(value)]
    return {name: getattr(value, name) for name in names if getattr(value, name) != getattr(usual, name)}


def _key(key: str) -> str:
    return key if key.isascii() and key.isidentifier() else _value(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():  # JSON's escapes are among those of TOML 1.0, but for DEL, which JSON does not escape
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return repr(value)
