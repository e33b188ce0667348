"""Names and paths of the file system as text that crosses every channel."""

from __future__ import annotations

import os
from typing import Any, TypeVar

from ...errors import MdhtError

E = TypeVar("E", bound=Exception)


def printable(text: str) -> str:
    """What is no text in a name, such as bytes that are not UTF-8, as escapes: it has to cross channels."""
    return text.encode("utf-8", "backslashreplace").decode()


def path_text(path: bytes) -> str:
    """A path for people."""
    return printable(os.fsdecode(path))


def printable_error(error: E) -> E:
    """The same error with escapes for what is no text in its arguments; itself where there is none."""
    if not isinstance(error, MdhtError):
        return error
    clean = _clean(error.args)
    if clean == error.args:
        return error
    made = type(error)(*clean)
    made.__cause__ = error.__cause__
    return made


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    return tuple(map(_clean, value)) if isinstance(value, tuple) else value
