"""References that say how a value crosses: `Shared` and `Copied`. (`Interned` has a module of its own.)

| ref | between hosts of one process | between processes |
|---|---|---|
| `Shared` | the same object | packed, rebuilt |
| `Copied` | each side has its own copy | packed, rebuilt |

Between hosts of one process an object is passed as it is, so only `Copied` asks for work there: `cross` does it. A
process that never made a `Copied` pays for one look at `STATE.copied`, which a channel may take itself.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, Final, Generic, TypeVar

from . import limits
from .errors import NotSendable

T_co = TypeVar("T_co", covariant=True)


class _State:
    """Whether any `Copied` was ever made in this process; it never becomes false again."""

    __slots__ = ("copied",)

    def __init__(self) -> None:
        self.copied = False


STATE: Final = _State()


class _Ref(Generic[T_co]):
    """An immutable handle: equal to a handle of its own kind with an equal value, hashable where the value is."""

    __slots__ = ("__weakref__", "_value")
    _value: T_co

    def __init__(self, value: T_co) -> None:
        object.__setattr__(self, "_value", value)

    @property
    def value(self) -> T_co:
        """The value. Its own mutability is not changed."""
        return self._value

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make another one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make another one")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._value == other._value)

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._value!r})"

    def __copy__(self) -> _Ref[T_co]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._value,)


class Shared(_Ref[T_co]):
    """A frozen dataclass instance that the hosts of one process share; another process gets its own.

    Raises NotSendable where the value is not an instance of a frozen dataclass. Between processes the class must be
    `@sendable` besides, which is found out when it is sent.
    """

    __slots__ = ()

    def __init__(self, value: T_co) -> None:
        if not _is_frozen(value):
            raise NotSendable("Shared.value", type(value).__name__, "share instances of frozen dataclasses only")
        super().__init__(value)


class Copied(_Ref[T_co]):
    """A value of which each side has its own: copied deeply when it goes to another host of the same process.

    The sender may go on changing its own after the send has returned.
    """

    __slots__ = ()

    def __init__(self, value: T_co) -> None:
        STATE.copied = True
        super().__init__(value)


def _is_frozen(value: object) -> bool:
    params = type(value).__dict__.get("__dataclass_params__")
    return params is not None and bool(params.frozen)


def cross(obj: Any) -> Any:
    """What a channel between two hosts of one process hands over for `obj`: itself, or a rebuilt one with copies in it.

    `Copied` is looked for in lists, tuples, dicts, sets, dataclass fields and other refs, `limits.NEST_DEPTH` deep;
    only what leads to one is rebuilt. What lies deeper, or is met again inside itself, is left as it is. Raises what
    `copy.deepcopy` raises for a value that cannot be copied. Does not block; any thread.
    """
    if not STATE.copied:
        return obj
    return _Crossing().walk(obj, 0)


_LEAVES: Final = frozenset({type(None), bool, int, float, complex, str, bytes, bytearray})


class _Crossing:
    """One call of `cross`. Sources are kept in `_done`, so an `id` cannot be used twice while it runs."""

    __slots__ = ("_copies", "_done")

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}
        self._done: dict[int, tuple[Any, Any]] = {}

    def walk(self, obj: Any, depth: int) -> Any:
        kind = type(obj)
        if kind in _LEAVES or depth > limits.NEST_DEPTH:
            return obj
        known = self._done.get(id(obj))
        if known is not None:
            return known[1]
        self._done[id(obj)] = (obj, obj)
        result = self._rebuild(obj, kind, depth + 1)
        self._done[id(obj)] = (obj, result)
        return result

    def _rebuild(self, obj: Any, kind: type[Any], depth: int) -> Any:
        if kind is Copied:
            return Copied(copy.deepcopy(obj.value, self._copies))
        if kind is Shared:
            value = self.walk(obj.value, depth)
            return obj if value is obj.value else Shared(value)
        if kind is dict:
            pairs = [(key, value, self.walk(key, depth), self.walk(value, depth)) for key, value in list(obj.items())]
            same = all(key is new_key and value is new for key, value, new_key, new in pairs)
            return obj if same else {new_key: new for _, _, new_key, new in pairs}
        if kind in (list, tuple, set, frozenset):
            items = list(obj)
            walked = [self.walk(item, depth) for item in items]
            return obj if all(map(_is, items, walked)) else kind(walked)
        if dataclasses.is_dataclass(kind):
            return self._rebuild_dataclass(obj, depth)
        return obj

    def _rebuild_dataclass(self, obj: Any, depth: int) -> Any:
        changed: dict[str, Any] = {}
        for field in dataclasses.fields(obj):
            value = getattr(obj, field.name, None)
            walked = self.walk(value, depth)
            if walked is not value:
                changed[field.name] = walked
        if not changed:
            return obj
        result = copy.copy(obj)
        for name, value in changed.items():
            object.__setattr__(result, name, value)
        return result


def _is(left: object, right: object) -> bool:
    return left is right
