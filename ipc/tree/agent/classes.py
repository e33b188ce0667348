"""Service classes by their import paths."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ...service import Service


def class_path(cls: type[Service]) -> list[str]:
    """The import path of a service class, as `find_class` takes it in another process."""
    module = cls.__module__
    spec = getattr(sys.modules.get(module), "__spec__", None)
    if module == "__main__" and spec is not None and spec.name.endswith(".__main__"):
        module = spec.name  # `python -m package`: multiprocessing does not import that one in a child
    return [module, cls.__qualname__]


def find_class(module: str, qualname: str) -> type[Service]:
    """A service class by its import path; `__main__` and a child's `__mp_main__` are one. Raises `ImportError`,
    `TypeError`.
    """
    if module == "__main__":
        module = "__mp_main__" if "__mp_main__" in sys.modules else module
    found: Any = sys.modules.get(module) or importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    if not (isinstance(found, type) and issubclass(found, Service)):
        raise TypeError(f"{module}.{qualname} is not a Service")
    return found
