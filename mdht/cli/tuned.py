"""What `tune` writes. Whether it can be written is looked at first, for a run takes minutes."""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from . import output
from .terms import Terms

if TYPE_CHECKING:
    from ..tuning.report import Report

CHART_S: Final = 3.0
"""Seconds for charts: to import the library that draws them takes the most."""

CHARTS: Final = "mdht-tune"
"""Where none are named."""

OPTIONS: Final = {
    "get_share": "--gets",
    "owned_share": "--owned",
    "value_bytes": "--value",
    "in_flight": "--in-flight",
    "services": "--from",
}
"""Options by the key of a fault; others are called as their key is."""


def as_options(faults: tuple[tuple[str, str, str], ...]) -> click.UsageError:
    """Faults of a load or of the search, under the names of the options."""
    told = [f"{OPTIONS.get(key, '--' + key)}: {wrong}; right would be {right}" for key, wrong, right in faults]
    return click.UsageError("\n".join(told))


@dataclass(slots=True)
class Targets:
    """The files that are asked for."""

    save: str | None
    toml: str | None
    chart: str | None
    written: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """What could not be written after all, and why."""

    def check(self) -> None:
        """Raises BadParameter for the first that cannot be written; writes nothing."""
        charts = [str(one) for one in self._charts()] if self.chart else []
        for option, path in (("--save", self.save), ("--toml", self.toml), *(("--chart", one) for one in charts)):
            if path and (wrong := unwritable(path)):
                raise click.BadParameter(f"{path} cannot be written: {wrong}.", param_hint=option)
        if self.chart and not can_draw():
            raise click.BadParameter("charts need matplotlib (pip install 'mdht[bench]').", param_hint="--chart")

    @property
    def takes_s(self) -> float:
        """Seconds that writing takes."""
        return CHART_S if can_draw() else 0.0

    def draw(self, terms: Terms, report: Report) -> list[str]:
        """Charts; those drawn."""
        from ..tuning.chart import draw

        if not can_draw():
            terms.note("no chart: it needs matplotlib (pip install 'mdht[bench]')")
            return []
        try:
            drawn = [str(one) for one in draw(report, Path(self.chart or CHARTS))]
        except OSError as error:
            terms.note(f"no chart: {error}")
            if self.chart:
                self.failed[self.chart] = str(error)
            return []
        terms.note(f"charts: {', '.join(drawn)}")
        return drawn

    def write(self, report: Report, plain: dict[str, Any]) -> None:
        """The other files."""
        if self.toml:
            self._write(self.toml, report.recommended.toml())
        if self.save:
            self._write(self.save, json.dumps(output.jsonable(plain), indent=1) + "\n")

    def _charts(self) -> list[Path]:
        return [Path(self.chart or CHARTS).with_suffix(ending) for ending in (".png", ".svg")]

    def _write(self, path: str, text: str) -> None:
        try:
            Path(path).write_text(text)
        except OSError as error:
            self.failed[path] = error.strerror or str(error)
        else:
            self.written.append(path)


def can_draw() -> bool:
    """Whether the library for charts is there."""
    return importlib.util.find_spec("matplotlib") is not None


def unwritable(path: str) -> str:
    """Why a file cannot be written; empty where it can, as far as one sees without trying."""
    parent = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(parent):
        return f"{parent} is no directory"
    if os.path.isdir(path):
        return "it is a directory"
    if not os.access(path if os.path.exists(path) else parent, os.W_OK):
        return "permission denied"
    return ""
