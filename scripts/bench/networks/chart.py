"""A chart of one layout: operations a second and CPU an operation, for each mode, ours in colour."""

from __future__ import annotations

from collections.abc import Sequence

from networks.report import RATES
from networks.result import Result

COLOURS = {True: "#c05020", False: "#8a99a8"}
FIELDS = (
    ("per_s", "operations/s (longer is better)"),
    ("cpu_ms", "CPU ms each, all processes (shorter is better)"),
)


def draw(path: str, results: Sequence[Result], ours: set[str], layout: str, caption: str) -> None:
    """Write a PNG. Needs matplotlib, of the extra `bench`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import NullFormatter

    chosen = [[one for one in results if one.layout == layout and one.mode == mode] for mode in RATES]
    figure, axes = pyplot.subplots(
        len(RATES), 2, figsize=(13, 2 + 0.28 * sum(map(len, chosen)) + len(RATES)), layout="constrained"
    )
    for mode, rows, panels in zip(RATES, chosen, axes, strict=True):
        rows = sorted(rows, key=lambda one: one.per_s)
        what, _, in_flight = mode.partition(" ")
        title = f"{what}, {'one' if in_flight == '1' else in_flight} at a time"
        for panel, (field, label) in zip(panels, FIELDS, strict=True):
            values = [getattr(one, field) for one in rows]
            colours = [COLOURS[one.system in ours] for one in rows]
            bars = panel.barh([one.system for one in rows], values, color=colours, height=0.72)
            texts = [f"{value:,.0f}" if value >= 100 else f"{value:.2f}" for value in values]
            panel.bar_label(bars, texts, padding=3, fontsize=8)
            panel.set(xscale="log", title=f"{title}: {label}")
            panel.xaxis.set_minor_formatter(NullFormatter())
            panel.title.set_fontsize(10)
            panel.tick_params(labelsize=8)
            panel.margins(x=0.12, y=0.02)
            panel.grid(axis="x", alpha=0.25)
            panel.set_axisbelow(True)
            panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"mdht (colour) beside what people use today (grey): {layout}\n{caption}", fontsize=12)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
