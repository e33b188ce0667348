"""Clauses: a list of named checks, and the runner that gives each a bench, a thread and a limit.

A check runs in a thread of its own, because an implementation that loses a wake-up would otherwise hold up who tests
it: after the limit the clause counts as broken, and the message says in which line the check still waits.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .bench import Bench
from .verdict import NotApplicable, NotConformant, Report, Unmet

B = TypeVar("B", bound=Bench)

PATIENCE_S = 10.0
"""Default of how long anything that should happen soon is waited for."""

_LIMIT = 5
"""Times the patience that one clause may take in all."""


@dataclass(frozen=True, slots=True)
class Clause(Generic[B]):
    """One sentence of the contract, and what checks it."""

    name: str
    text: str
    check: Callable[[B], None]


def clause(into: list[Clause[B]]) -> Callable[[Callable[[B], None]], Callable[[B], None]]:
    """Add a check to a list: its name is the function's, its text the docstring's."""

    def add(check: Callable[[B], None]) -> Callable[[B], None]:
        into.append(Clause(check.__name__, " ".join((check.__doc__ or "").split()), check))
        return check

    return add


def run(clause: Clause[B], open_bench: Callable[[], B], patience_s: float) -> str | None:
    """Check one clause; the reason where it does not apply. Raises `NotConformant`. Blocks."""
    failed: list[BaseException] = []

    def body() -> None:
        try:
            with open_bench() as bench:
                clause.check(bench)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=body, name=f"conformance-{clause.name}", daemon=True)
    thread.start()
    thread.join(_LIMIT * patience_s)
    if thread.is_alive():
        raise NotConformant(
            clause.name, clause.text, f"the check still waits after {_LIMIT * patience_s:g} s\n{_stack(thread)}"
        )
    if not failed:
        return None
    error = failed[0]
    if isinstance(error, NotApplicable):
        return str(error)
    if isinstance(error, Unmet):
        raise NotConformant(clause.name, error.expected, error.happened) from error
    raise NotConformant(clause.name, clause.text, f"{type(error).__name__} was raised: {error}") from error


def as_function(clause: Clause[B], bench: Callable[[Any, float], B], patience_s: float) -> Callable[[Any], str | None]:
    """The clause as a function that takes `make`."""

    def check(make: Any) -> str | None:
        return run(clause, lambda: bench(make, patience_s), patience_s)

    check.__name__ = check.__qualname__ = clause.name
    check.__doc__ = clause.text
    return check


def run_all(checks: list[tuple[str, Callable[[Any], str | None]]], make: Any) -> Report:
    """Every check, in order, up to the first clause that is broken."""
    kept: list[str] = []
    not_applicable: dict[str, str] = {}
    for name, check in checks:
        if (reason := check(make)) is None:
            kept.append(name)
        else:
            not_applicable[name] = reason
    return Report(tuple(kept), not_applicable)


def _stack(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    return "".join(traceback.format_stack(frame)[-6:]) if frame is not None else ""
