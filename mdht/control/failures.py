"""An error as plain values: where its type is defined, the type's name, and the arguments that it is made of.

Only errors of this package cross as what they are: all of them are made again from plain arguments (see
`mdht.errors`). Of those of the system the number and the text cross, of a
ValueError its text; of any other, which is somebody's mistake, its name and text.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from .limits import TEXT_CHARS

HOMES: Final = {
    "mdht.errors": "mdht",
    "mdht.files.errors": "files",
    "mdht.routing.errors": "routing",
    "mdht.services.errors": "services",
    "mdht.session.errors": "session",
    "mdht.store.errors": "store",
    "mdht.transport.errors": "transport",
}
"""Modules whose errors cross under their own names, and what is written for each."""

SYSTEM: Final = "system"
VALUES: Final = "values"
SERVICES: Final = "ipc"
"""What services say: that they are gone, or that one of them cannot do what is asked."""

OTHER: Final = ""


class Failure(NamedTuple):
    """An error as it is sent."""

    home: str
    """One of `HOMES`, `SYSTEM`, `VALUES`, `SERVICES` or `OTHER`."""
    name: str
    args: tuple[Any, ...]


def plain_failure(error: BaseException) -> Failure:
    """What is sent of an error. Never raises."""
    cls = type(error)
    home = HOMES.get(cls.__module__)
    if home is not None and _is_plain(error.args):
        return Failure(home, cls.__name__, error.args)
    if isinstance(error, OSError) and type(error.errno) is int:
        filename = error.filename if isinstance(error.filename, str) else ""
        return Failure(SYSTEM, cls.__name__, (error.errno, str(error.strerror), filename))
    try:
        text = str(error)[:TEXT_CHARS]
    except Exception:
        text = "its text could not be made"
    home = VALUES if cls is ValueError else SERVICES if cls.__module__ == "ipc.errors" else OTHER
    if home == SERVICES and _is_plain(error.args):
        return Failure(home, cls.__name__, error.args)
    return Failure(home, cls.__name__, (text,))


def tuples(value: Any) -> Any:
    """The same with tuples for lists, as errors have them."""
    return tuple(map(tuples, value)) if isinstance(value, list | tuple) else value


def _is_plain(value: Any, depth: int = 4) -> bool:
    if isinstance(value, tuple):
        return depth > 0 and all(_is_plain(one, depth - 1) for one in value)
    return value is None or type(value) in (str, int, float, bool, bytes)
