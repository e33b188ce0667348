"""A chart of a tuning run: throughput and p99 against CPU and memory, a point for each placement.

Throughput (or what else the goal is) is drawn as a multiple of the start: its figures come from pairs of measurements.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

from .report import Report

AXES: Final = (
    ("cores", 1.0, "CPU: cores that the node uses"),
    ("rss_bytes", 1.0 / (1 << 20), "memory of the node, MiB"),
)
VALUES: Final = (
    ("relative", 1.0, "times the start, measured in turns (higher is better)"),
    ("p99_s", 1e3, "p99, ms (lower is better)"),
)
CHOSEN, OTHER = "#c05020", "#8a99a8"


def draw(report: Report, path: Path) -> list[Path]:
    """Write `path` with the endings .png and .svg; those written.

    Raises ImportError without matplotlib (extra `bench`), and OSError.
    """
    importlib.import_module("matplotlib").use("Agg")
    pyplot = importlib.import_module("matplotlib.pyplot")

    rows = sorted(report.rows, key=lambda row: -row.relative)
    figure, panels = pyplot.subplots(2, 2, figsize=(13, 9), layout="constrained")
    for line, (value, scale, label) in zip(panels, VALUES, strict=True):
        for panel, (axis, unit, name) in zip(line, AXES, strict=True):
            for number, row in enumerate(rows, 1):
                chosen = row.placed == report.recommended
                x, y = getattr(row, axis) * unit, getattr(row, value) * scale
                panel.scatter(x, y, color=CHOSEN if chosen else OTHER, s=60 if chosen else 36, zorder=3)
                panel.annotate(str(number), (x, y), textcoords="offset points", xytext=(6, 4), fontsize=9)
            panel.margins(0.12)
            panel.set(xlabel=name, ylabel=label)
            panel.set(xlim=(0, panel.get_xlim()[1]), ylim=(0, panel.get_ylim()[1]))
            panel.grid(alpha=0.25)
            panel.spines[["top", "right"]].set_visible(False)
    key = [f"{number}  {row.placed}{_mark(row.placed == report.recommended)}" for number, row in enumerate(rows, 1)]
    figure.suptitle(f"{report.workload}; {report.cpus} cores, {report.makers} load maker(s) among them", fontsize=11)
    figure.supxlabel("\n".join(key), fontsize=9, ha="left", x=0.02)
    return _saved(figure, pyplot, path)


def _mark(recommended: bool) -> str:
    return "  (recommended)" if recommended else ""


def _saved(figure: Any, pyplot: Any, path: Path) -> list[Path]:
    written = []
    for ending in (".png", ".svg"):
        target = path.with_suffix(ending)
        figure.savefig(target, dpi=120)
        written.append(target)
    pyplot.close(figure)
    return written
