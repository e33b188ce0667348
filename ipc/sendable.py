"""The table of registered types: which classes may cross to another process, and under what stable name.

A class is found by the name it was registered under and by nothing else: what comes from a channel can neither import
a module nor reach a class that its author did not offer. Both sides must have imported the module of the class.

What is sent of each kind, and how it is rebuilt:

| kind | sent | rebuilt by |
|---|---|---|
| dataclass | its fields, in their order | its constructor, so `__post_init__` validates; then `init=False` fields |
| enum | the name of the member (the value of a flag) | looking the member up |
| exception | `args` and its attributes | `__new__`, and setting the attributes; `__init__` is not run |

| any other | what its `parts` gives | its `build` |

An exception that is a dataclass too is sent as a dataclass.
"""

from __future__ import annotations

import dataclasses
import enum
import operator
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

T = TypeVar("T")

NAME_CHARS: Final = 128
"""Longest registered name, in characters: it is sent with every value of the type."""

_BUILTIN_BASES: Final = (int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)
_MAIN_MODULES: Final = frozenset({"__main__", "__mp_main__"})


class Registered:
    """One registered class: its `name`, its `cls`, the names of what is sent, and how to `take` and `build` it.

    `take(obj)` gives the values to send, as many as `fields`; it raises AttributeError where a field was never set.
    `build(values)` makes the object from as many values, and raises whatever the class raises (or ValueError). `fields`
    is None where `take` alone knows how many there are.
    """

    __slots__ = ("build", "cls", "fields", "name", "take")

    def __init__(
        self,
        name: str,
        cls: type[Any],
        fields: tuple[str, ...] | None,
        take: Callable[[Any], Sequence[Any]],
        build: Callable[[Sequence[Any]], Any],
    ) -> None:
        self.name = name
        self.cls = cls
        self.fields = fields
        self.take = take
        self.build = build

    def __repr__(self) -> str:
        return f"<sendable {self.name!r}: {self.cls.__module__}.{self.cls.__qualname__}>"


BY_NAME: Final[dict[str, Registered]] = {}
BY_TYPE: Final[dict[type[Any], Registered]] = {}
"""Every registered class, for the codec. Written by `sendable` only; a replaced class is not in `BY_TYPE`."""

_lock = threading.Lock()


def sendable(
    name: str, parts: Callable[[Any], Sequence[Any]] | None = None, build: Callable[[Sequence[Any]], Any] | None = None
) -> Callable[[type[T]], type[T]]:
    """Class decorator that makes a dataclass, an enum or an exception sendable under the stable `name`; or any class,
    where `parts(obj)` gives sendable values and `build(values)` makes an equal object of them, or raises ValueError.

    It is written above `@dataclass`. A class of the same module and qualified name replaces the one registered before
    (a module that is imported again; `__main__` and `__mp_main__` are one module).

    Raises ValueError where the name is empty, too long or taken by another class, and TypeError where the class is
    none of the three kinds, subclasses a built-in container or scalar, or has an `InitVar`. Does not block; any thread.
    """
    if (parts is None) != (build is None):
        raise TypeError("parts and build belong together: one takes apart what the other makes")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARS:
        raise ValueError(f"a sendable name is text of 1 to {NAME_CHARS} characters, not {name!r}")

    def register(cls: type[T]) -> type[T]:
        entry = _describe(name, cls) if parts is None or build is None else Registered(name, cls, None, parts, build)
        with _lock:
            taken = BY_NAME.get(name)
            if taken is not None:
                if _identity(taken.cls) != _identity(cls):
                    raise ValueError(f"sendable name {name!r} belongs to {'.'.join(_identity(taken.cls))}")
                BY_TYPE.pop(taken.cls, None)
            elif cls in BY_TYPE:
                raise ValueError(f"{cls.__qualname__} is sendable as {BY_TYPE[cls].name!r} already")
            BY_NAME[name] = entry
            BY_TYPE[cls] = entry
        return cls

    return register


def _identity(cls: type[Any]) -> tuple[str, str]:
    module = "__main__" if cls.__module__ in _MAIN_MODULES else cls.__module__
    return module, cls.__qualname__


def _describe(name: str, cls: type[Any]) -> Registered:
    if not isinstance(cls, type):
        raise TypeError(f"@sendable({name!r}) is for classes, not for {cls!r}")
    if issubclass(cls, enum.Enum):
        return _describe_enum(name, cls)
    if issubclass(cls, _BUILTIN_BASES):
        raise TypeError(f"{cls.__qualname__} subclasses a built-in type, whose contents are no field; make it one")
    if dataclasses.is_dataclass(cls):
        return _describe_dataclass(name, cls)
    if issubclass(cls, Exception):
        return Registered(name, cls, ("args", "__dict__"), _take_exception, _exception_builder(cls))
    raise TypeError(
        f"{cls.__qualname__} is no dataclass, enum or exception; write @sendable above @dataclass, or say its parts"
    )


# -- dataclasses -------------------------------------------------------------------------------------------------------


def _describe_dataclass(name: str, cls: type[Any]) -> Registered:
    fields = dataclasses.fields(cls)
    names = tuple(field.name for field in fields)
    pseudo = set(cls.__dataclass_fields__) - set(names)
    if any(
        isinstance(cls.__dataclass_fields__[key].type, dataclasses.InitVar)
        or "InitVar" in str(cls.__dataclass_fields__[key].type)
        for key in pseudo
    ):
        raise TypeError(f"{cls.__qualname__} has an InitVar, which is not kept and so cannot be sent")
    return Registered(name, cls, names, _getter(names), _dataclass_builder(cls, fields))


def _getter(names: tuple[str, ...]) -> Callable[[Any], Sequence[Any]]:
    if not names:
        return lambda obj: ()
    get = operator.attrgetter(*names)
    if len(names) == 1:
        return lambda obj: (get(obj),)
    return get


def _dataclass_builder(cls: type[Any], fields: tuple[dataclasses.Field[Any], ...]) -> Callable[[Sequence[Any]], Any]:
    generated_init = cls.__dataclass_params__.init
    if generated_init and all(field.init and not field.kw_only for field in fields):
        return lambda values: cls(*values)
    by_init = {field.name for field in fields if generated_init and field.init}
    names = [field.name for field in fields]

    def build(values: Sequence[Any]) -> Any:
        pairs = dict(zip(names, values, strict=True))
        if generated_init:
            obj = cls(**{name: value for name, value in pairs.items() if name in by_init})
        else:
            obj = object.__new__(cls)
        for name, value in pairs.items():
            if name not in by_init:
                object.__setattr__(obj, name, value)
        return obj

    return build


# -- enums -------------------------------------------------------------------------------------------------------------


def _describe_enum(name: str, cls: type[enum.Enum]) -> Registered:
    if issubclass(cls, enum.Flag):
        return Registered(name, cls, ("value",), lambda obj: (obj.value,), lambda values: cls(values[0]))

    def build(values: Sequence[Any]) -> Any:
        return cls.__members__[values[0]]

    return Registered(name, cls, ("name",), lambda obj: (obj.name,), build)


# -- exceptions --------------------------------------------------------------------------------------------------------


def _take_exception(exc: Any) -> Sequence[Any]:
    return exc.args, dict(exc.__dict__)


def _exception_builder(cls: type[Exception]) -> Callable[[Sequence[Any]], Any]:
    def build(values: Sequence[Any]) -> Any:
        args, attributes = values
        if type(args) is not tuple or type(attributes) is not dict or not all(type(key) is str for key in attributes):
            raise ValueError("an exception is sent as its arguments and its attributes")
        exc = cls.__new__(cls, *args)
        exc.__dict__.update(attributes)
        return exc

    return build
