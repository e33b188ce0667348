"""Exceptions across processes: as their own type where rebuilding gives the same text, else as `ServiceError`.

A packed error is a plain list, so any codec of plain values carries it:

| index | what |
|---|---|
| 0 | kind: 0 neither of the following, 1 built-in, 2 of `ipc.errors`, 3 `@sendable` |
| 1 | type name; for kind 0 with its module |
| 2 | packed by `ipc.codec`: list of the constructor's arguments (kinds 1, 2) or the exception (3); else empty |
| 3 | its text, at most `TEXT_CHARS` |
| 4 | its traceback, as printed, at most `TEXT_CHARS`; the end is kept |
| 5 | its notes (PEP 678) |

Built-in types and those of `ipc.errors` come from two fixed tables, so no name from a channel reaches anything else.
Whether rebuilding gives the same text is tried out by the sender, and checked by the receiver.

The codec packs an exception that is a value in a command as such a list too, if it is not registered. What it holds
is then nested as deep as the exception is, so the codec gives its own functions for the content.
"""

from __future__ import annotations

import builtins
import threading
import traceback
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, Final

from . import errors
from .codec import dumps, loads_marked
from .errors import BadFrame, IpcError, RemoteTraceback, ServiceError
from .sendable import BY_TYPE

TEXT_CHARS: Final = 64 << 10
"""Most characters kept of a text or a traceback: a recursion error's fills less."""

_OTHER, _BUILTIN, _IPC, _SENDABLE = range(4)

_BUILTINS: Final[dict[str, type[Exception]]] = {
    cls.__name__: cls
    for cls in vars(builtins).values()
    if isinstance(cls, type) and issubclass(cls, Exception) and not issubclass(cls, BaseExceptionGroup)
}
_OWN: Final[dict[str, type[Exception]]] = {
    cls.__name__: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, IpcError)
}
_TABLES: Final = {_BUILTIN: _BUILTINS, _IPC: _OWN}


Unpack = Callable[[bytes], tuple[Any, AbstractSet[str]]]

_set: Final = BaseException.__setattr__
"""Sets attributes also where the class forbids it, as frozen dataclasses do."""


class _Packing(threading.local):
    """The exceptions that this thread packs at present, by `id`: one that is met inside itself is sent as its text."""

    def __init__(self) -> None:
        self.ids: set[int] = set()


_packing: Final = _Packing()


def pack_error(exc: BaseException, pack: Callable[[Any], bytes] = dumps) -> list[Any]:
    """The exception as a list of plain values, for `unpack_error`; `pack` packs what it holds.

    Never raises. Does not block; any thread.
    """
    try:
        text = str(exc)
    except BaseException:
        return _other(exc, "<its text could not be made>")
    ids, identity = _packing.ids, id(exc)
    if identity in ids:
        return _other(exc, text)
    ids.add(identity)
    try:
        kind, name, packed = _rebuildable(exc, text, pack)
    except Exception:
        return _other(exc, text)
    finally:
        ids.discard(identity)
    return [kind, name, packed, text[:TEXT_CHARS], traceback_text(exc), _notes(exc)]


def unpack_error(packed: Any, unpack: Unpack = loads_marked) -> BaseException:
    """The exception that `pack_error` packed, ready to be raised: with the remote traceback as its cause.

    `unpack` gives what it holds, and the names of the types in there that are not registered here.

    Raises BadFrame where `packed` is no such list. Does not block; any thread.
    """
    if type(packed) is not list or list(map(type, packed)) != [int, str, bytes, str, str, list]:
        raise BadFrame("a packed error is a list of kind, name, content, text, traceback and notes")
    kind, name, content, text, trace, notes = packed
    if kind not in (_OTHER, _BUILTIN, _IPC, _SENDABLE) or not all(type(note) is str for note in notes):
        raise BadFrame("a packed error of no known kind")
    exc = _rebuild(kind, name, content, text, unpack) or ServiceError(name, text)
    if notes:
        _set(exc, "__notes__", list(notes))
    return _with_cause(exc, trace)


def localise(exc: BaseException) -> BaseException:
    """The same exception, made ready for a caller in this process: its traceback becomes its cause, as text.

    The frames where it was raised are let go, its chain with them; the text has both. Never raises.
    """
    trace = traceback_text(exc)
    _set(exc, "__traceback__", None)
    _set(exc, "__context__", None)
    return _with_cause(exc, trace)


def traceback_text(exc: BaseException) -> str:
    """The traceback as the interpreter would print it, chain included; the last `TEXT_CHARS` of it. Never raises."""
    try:
        text = "".join(traceback.format_exception(exc))
    except BaseException:
        return f"{type(exc).__name__}: its traceback could not be printed\n"
    if len(text) > TEXT_CHARS:
        cut = "... the beginning is left out ...\n"
        text = cut + text[len(cut) - TEXT_CHARS :]
    return text


def _with_cause(exc: BaseException, trace: str) -> BaseException:
    _set(exc, "__cause__", RemoteTraceback(trace))
    return exc


def _other(exc: BaseException, text: str) -> list[Any]:
    cls = type(exc)
    name = cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"
    return [_OTHER, name, b"", text[:TEXT_CHARS], traceback_text(exc), _notes(exc)]


def _notes(exc: BaseException) -> list[str]:
    try:
        notes = exc.__notes__
    except Exception:
        return []
    return [note[:TEXT_CHARS] for note in notes if type(note) is str][:64] if type(notes) is list else []


def _rebuildable(exc: BaseException, text: str, pack: Callable[[Any], bytes]) -> tuple[int, str, bytes]:
    """Kind, name and content. Raises any exception where the type cannot be rebuilt to the same text."""
    cls = type(exc)
    if cls in BY_TYPE:
        kind, name, content = _SENDABLE, BY_TYPE[cls].name, pack(exc)
    else:
        kind, name = (_BUILTIN if _BUILTINS.get(cls.__name__) is cls else _IPC), cls.__name__
        if _TABLES[kind].get(name) is not cls:
            raise TypeError("neither built-in nor of this package")
        content = pack(list(arguments(exc)))
    if _rebuild(kind, name, content, text[:TEXT_CHARS]) is None:
        raise ValueError("rebuilding gives another text")
    return kind, name, content


def arguments(exc: BaseException) -> tuple[Any, ...]:
    """What the constructor of the exception is given to rebuild it."""
    if isinstance(exc, OSError):
        args = exc.__reduce__()[1]  # with the file names, which `args` leaves out
        return args if isinstance(args, tuple) else exc.args
    return exc.args


def _rebuild(kind: int, name: str, content: bytes, text: str, unpack: Unpack = loads_marked) -> BaseException | None:
    """The exception, or None where it cannot be made here, or not with this text. Raises BadFrame on bad content."""
    if kind == _OTHER:
        return None
    value, unknown = unpack(content)
    if unknown:
        return None
    if kind == _SENDABLE:
        exc = value
    else:
        cls = _TABLES[kind].get(name)
        if cls is None or type(value) is not list:
            raise BadFrame(f"a packed error of no known type: {name!r}")
        try:
            exc = cls(*value)
        except Exception:
            return None
        if type(exc) is not cls:
            return None
    if not isinstance(exc, Exception):
        raise BadFrame(f"a packed error that is {type(exc).__name__}")
    try:
        return exc if str(exc)[:TEXT_CHARS] == text else None
    except Exception:
        return None
