"""The path to what cannot be packed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import NotSendable
from ..limits import NEST_DEPTH
from ..refs import Copied, Shared
from ..sendable import BY_TYPE
from .encoders import encode
from .refused import TOO_DEEP, RefusedError
from .types import SCALARS


def explain(obj: Any, path: str, in_full: bool, depth: int) -> NotSendable | None:
    """Why `obj` cannot be packed, by packing ever smaller parts of it; None where it can."""
    try:
        encode(obj, None if in_full else [], depth)
    except Exception as exc:
        if depth >= NEST_DEPTH:
            return NotSendable(path, type(obj).__name__, TOO_DEEP)
        for step, child in _steps(obj):
            found = explain(child, path + step, in_full, depth + 1)
            if found is not None:
                return found
        hint = exc.hint if isinstance(exc, RefusedError) else f"packing it raised {type(exc).__name__}"
        return NotSendable(path, type(obj).__name__, hint)
    return None


def _steps(obj: Any) -> Iterable[tuple[str, Any]]:
    kind = type(obj)
    if kind in (list, tuple, set, frozenset):
        return [(f"[{index}]", item) for index, item in enumerate(list(obj))]
    if kind is dict:
        return [(f"[{_label(key)}]", part) for pair in list(obj.items()) for key, part in ((pair[0], pair[0]), pair)]
    if kind in (Shared, Copied):
        return [(".value", obj.value)]
    entry = BY_TYPE.get(kind)
    if entry is not None and entry.fields is None:
        return [(f"[{index}]", part) for index, part in enumerate(entry.take(obj))]
    if entry is not None and entry.fields is not None:
        return [(f".{name}", getattr(obj, name)) for name in entry.fields if hasattr(obj, name)]
    return []


def _label(key: Any) -> str:
    if type(key) in SCALARS:
        text = repr(key)
        return text if len(text) <= 40 else f"{text[:37]}..."
    return type(key).__name__
