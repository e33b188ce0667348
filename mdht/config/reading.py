"""TOML to values, each checked against the type of the field that it is for."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, Final

from ..errors import ConfigError
from .services import Fault


def read_toml(text: str | bytes) -> dict[str, Any]:
    """The tables written there, unchecked. Raises ConfigError where it is no TOML in UTF-8."""
    try:
        return tomllib.loads(text if isinstance(text, str) else text.decode())
    except UnicodeDecodeError as error:
        raise ConfigError([("toml", str(error), "a file in UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([("toml", str(error), "TOML 1.0")]) from None


_RIGHT: Final = {
    "str": "text",
    "int": "a whole number",
    "int | None": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple[str, ...]": "a list of text",
    "tuple[int, ...]": "a list of whole numbers",
}


def read_table(known: Mapping[str, str], prefix: str, table: Mapping[str, Any], faults: list[Fault]) -> dict[str, Any]:
    """The values of a table for fields of `known` names and types; those that are none of them are faults."""
    values: dict[str, Any] = {}
    for key, value in table.items():
        kind = known.get(key)
        name = prefix + key
        if kind is None:
            faults.append((name, "no such key", f"one of {', '.join(known)}"))
        elif not _fits(kind, value):
            wrong = "of another type" if key == "secret" else repr(value)  # never the secret itself
            faults.append((name, wrong, _RIGHT.get(kind, kind)))
        else:
            values[key] = tuple(value) if isinstance(value, list) else value
    return values


def _fits(kind: str, value: Any) -> bool:
    match kind:
        case "str":
            return isinstance(value, str)
        case "bool":
            return type(value) is bool
        case "int" | "int | None":
            return type(value) is int
        case "float":
            return type(value) in (int, float)
        case "tuple[str, ...]":
            return isinstance(value, list) and all(isinstance(one, str) for one in value)
        case "tuple[int, ...]":
            return isinstance(value, list) and all(type(one) is int for one in value)
    return False
