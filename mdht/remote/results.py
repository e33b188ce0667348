"""Answers and errors of a node as the types that they had there. Their modules are imported when one is met."""

from __future__ import annotations

import builtins
import importlib
from functools import cache
from typing import Any, Final

import msgspec

from .. import errors
from ..control import About
from ..control.failures import SERVICES, SYSTEM, VALUES, Failure, tuples
from ..errors import BadMessage, MdhtError, NodeGone, UnknownFailure

_HOMES: Final = {
    "mdht": "mdht.errors",
    "files": "mdht.files.errors",
    "routing": "mdht.routing.errors",
    "services": "mdht.services.errors",
    "session": "mdht.session.errors",
    "store": "mdht.store.errors",
    "transport": "mdht.transport.errors",
}
"""The only modules in which an error of a node is looked for."""

_SYSTEM: Final = {
    cls.__name__: cls for cls in vars(builtins).values() if isinstance(cls, type) and issubclass(cls, OSError)
}
_STOPS: Final = ("Closed", "Broken", "EndOfChannel")
"""What services say to whoever waits when the tree that they stand in is taken down."""

_SERVICE_ERRORS: Final = (
    "MoveError",
    "MoveTimeout",
    "NotSendable",
    "PlacementError",
    "ServiceDied",
    "StartTimeout",
    "TooManyRestarts",
)
"""Errors of services that are about what was asked, and so are made again."""


def rebuilt(failure: Failure, data_dir: str, method: str) -> Exception:
    """The error, ready to be raised; UnknownFailure where its type is not known here."""
    home, name, arguments = failure
    plain: tuple[Any, ...] = tuples(arguments)
    if home == SERVICES and name in _STOPS:
        return NodeGone(data_dir, method)
    try:
        if home == SERVICES:
            return _service_error(name)(*plain)
        if home == SYSTEM:
            number, text, filename = plain
            return _SYSTEM[name](number, text, filename or None)
        if home == VALUES:
            return ValueError(*plain)
        if (cls := _error(home, name)) is not None:
            return cls(*plain)
    except (TypeError, ValueError, LookupError):
        pass  # of a newer node, with other arguments
    return UnknownFailure(name, " ".join(map(str, plain)))


def _error(home: str, name: str) -> type[MdhtError] | None:
    if home == "mdht":
        found = getattr(errors, name, None)
    elif home in _HOMES:
        found = getattr(_module(_HOMES[home]), name, None)
    else:
        return None
    return found if isinstance(found, type) and issubclass(found, MdhtError) else None


def _service_error(name: str) -> type[Exception]:
    """Raises LookupError."""
    if name not in _SERVICE_ERRORS:
        raise LookupError(name)
    found: type[Exception] = getattr(_module("ipc"), name)
    return found


def converted(plain: Any, cls: Any) -> Any:
    """Plain values as that dataclass (or builtin). Raises BadMessage."""
    try:
        return msgspec.convert(plain, cls)
    except msgspec.ValidationError as error:
        raise BadMessage("reply", str(error)) from None


def about_of(plain: Any) -> About:
    """What a node says of itself. Raises BadMessage."""
    about: About = converted(plain, About)
    return about


def result_type(module: str, name: str) -> Any:
    """A class of `mdht`, imported now."""
    return getattr(_module(f"mdht.{module}"), name)


@cache
def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None
