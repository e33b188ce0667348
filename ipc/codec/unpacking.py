"""`loads` and `loads_marked`: bytes to the value, or BadFrame."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Final

from msgpack import unpackb

from ..errors import BadFrame
from ..limits import NEST_DEPTH
from .depth import check_depth
from .hooks import hooks, unpack_with
from .types import SCALARS
from .unknown import UnknownTypeError

_hook: Final = hooks(None)


def loads(data: bytes | memoryview) -> Any:
    """The object packed in `data`.

    Raises BadFrame where `data` is anything but one packed value, nested at most `limits.NEST_DEPTH` deep, of types
    registered here; a type that is not is named. Never raises another Exception. Does not block; any thread.
    """
    try:
        obj = unpackb(
            data,
            raw=False,
            strict_map_key=False,
            unicode_errors="surrogatepass",
            timestamp=3,
            ext_hook=_hook,
        )
        if type(obj) not in SCALARS and len(data) > NEST_DEPTH:
            check_depth(obj, data)
        return obj
    except BadFrame:
        raise
    except UnknownTypeError as exc:
        raise BadFrame(f"a value of the type {exc.name!r}, unknown here; import the module that registers it") from None
    except Exception as exc:
        raise _bad(exc) from exc


def loads_marked(data: bytes | memoryview) -> tuple[Any, AbstractSet[str]]:
    """As `loads`, but a value of a type not registered here does not condemn the rest of `data`.

    Returns the object, with an `Unknown` for each such value or registered value that contains one, and the names of
    those types. Raises BadFrame as `loads` does otherwise. Does not block; any thread.
    """
    try:
        obj = unpackb(
            data,
            raw=False,
            strict_map_key=False,
            unicode_errors="surrogatepass",
            timestamp=3,
            ext_hook=_hook,
        )
        if type(obj) not in SCALARS and len(data) > NEST_DEPTH:
            check_depth(obj, data)
        return obj, _NO_NAMES
    except BadFrame:
        raise
    except UnknownTypeError:
        return _loads_with_unknown(data)
    except Exception as exc:
        raise _bad(exc) from exc


_NO_NAMES: Final[AbstractSet[str]] = frozenset()


def _loads_with_unknown(data: bytes | memoryview) -> tuple[Any, set[str]]:
    """Once more from the start, with hooks that collect the names; what was rebuilt before is thrown away."""
    names: set[str] = set()
    try:
        obj = unpack_with(hooks(names))(bytes(data))
        check_depth(obj, b"")
    except BadFrame:
        raise
    except Exception as exc:
        raise _bad(exc) from exc
    return obj, names


def _bad(exc: Exception) -> BadFrame:
    try:
        text = str(exc)
    except Exception:
        text = ""
    return BadFrame(f"not one packed value: {type(exc).__name__}: {text}")
