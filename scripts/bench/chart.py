"""A chart of the 100-byte results: messages/s and CPU a message, for each mode, on logarithmic scales."""

from __future__ import annotations

from collections.abc import Sequence

from measure import Result
from subject import MODES

TITLES = {"one_way": "one way", "one_in_flight": "one in flight", "in_flight_64": "64 in flight"}
COLOURS = {True: "#c05020", False: "#8a99a8"}
FIELDS = (
    ("messages_per_s", "messages/s (longer is better)"),
    ("cpu_us", "CPU µs a message, both sides (shorter is better)"),
)


def draw(path: str, results: Sequence[Result], cells: set[str], size: int, caption: str) -> None:
    """Write a PNG. `cells` are the subjects of ipc, drawn in colour. Needs matplotlib, of the extra `bench`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import NullFormatter

    chosen = [[one for one in results if one.size_bytes == size and one.mode == mode] for mode in MODES]
    heights = [max(1, len(rows)) for rows in chosen]
    figure, axes = pyplot.subplots(
        3, 2, figsize=(14, 2.5 + 0.24 * sum(heights)), gridspec_kw={"height_ratios": heights}, layout="constrained"
    )
    for row, mode, panels in zip(chosen, MODES, axes, strict=True):
        ordered = sorted(row, key=lambda one: one.messages_per_s)
        names = [one.subject for one in ordered]
        for panel, (field, label) in zip(panels, FIELDS, strict=True):
            values = [getattr(one, field) for one in ordered]
            bars = panel.barh(names, values, color=[COLOURS[name in cells] for name in names], height=0.72)
            panel.bar_label(
                bars, [f"{value:,.0f}" if value >= 100 else f"{value:.2f}" for value in values], padding=3, fontsize=8
            )
            panel.set(xscale="log", title=f"{TITLES[mode]}: {label}")
            panel.xaxis.set_minor_formatter(NullFormatter())
            panel.title.set_fontsize(10)
            panel.tick_params(labelsize=8)
            panel.margins(x=0.12, y=0.01)
            panel.grid(axis="x", alpha=0.25)
            panel.set_axisbelow(True)
            panel.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"ipc (colour) beside what people would use instead (grey): {caption}", fontsize=12)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
