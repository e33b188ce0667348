"""A `Config` as the TOML that `mdht run` reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ..config import Config


def to_toml(config: Config) -> str:
    """The keys that are not at their default, `store` in any case (`mdht run` has another default), without `data_dir`.

    `Config.from_toml` reads the same configuration from it.
    """
    lines: list[str] = []
    tables: list[str] = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name == "data_dir" or (value == _default(field) and field.name != "store"):
            continue
        if dataclasses.is_dataclass(value):
            table: Mapping[str, Any] = {
                one.name: getattr(value, one.name)
                for one in dataclasses.fields(value)
                if getattr(value, one.name) != one.default
            }
        elif isinstance(value, Mapping):
            table = value
        else:
            lines.append(f"{field.name} = {_value(value)}")
            continue
        tables += ["", f"[{field.name}]", *(f"{_text(key)} = {_value(one)}" for key, one in table.items())]
    return "\n".join([*lines, *tables, ""])


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    return repr(value)


def _text(text: str) -> str:
    """A basic string: JSON's escapes are among those of TOML 1.0, but for DEL, which JSON does not escape."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
