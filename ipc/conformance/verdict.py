"""What a check may say: that a clause was broken, or that it does not apply here."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import IpcError


class NotConformant(IpcError, AssertionError):
    """A clause was broken: `clause` is its name, `expected` what the contract asks for, `happened` what was seen."""

    def __init__(self, clause: str = "", expected: str = "", happened: str = "") -> None:
        super().__init__(clause, expected, happened)
        self.clause = clause
        self.expected = expected
        self.happened = happened

    def __str__(self) -> str:
        return f"{self.clause}: expected {self.expected}; but {self.happened}"


class Unmet(Exception):
    """Raised inside a check, which does not know its clause's name; the runner makes it a `NotConformant`."""

    def __init__(self, expected: str, happened: str) -> None:
        super().__init__(expected, happened)
        self.expected = expected
        self.happened = happened


class NotApplicable(Exception):
    """Raised inside a check that cannot be made here; the reason goes into the report."""


@dataclass(frozen=True, slots=True)
class Report:
    """Every clause that was kept, and those that could not be checked, each with the reason."""

    kept: tuple[str, ...]
    not_applicable: dict[str, str]


def expect(kept: object, expected: str, happened: str) -> None:
    """Raise `Unmet` unless `kept` is true."""
    if not kept:
        raise Unmet(expected, happened)
