"""The printed report: rates a layout, what came after a loss, and who is ahead of whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from networks.result import Result, Versus
from table import number, table

RATES = ("put 1", "put 32", "get 1", "get 32")
LOSSES = ("put before", "get 1", "get 32", "put 1", "put 32")


def rates(results: Sequence[Result], layout: str) -> Iterator[str]:
    """One layout without a loss: a row a system."""
    columns = [f"{mode}{unit}" for mode in RATES for unit in ("/s", " p50", " p99", " CPU")]
    lines = []
    for name, modes in _rows(results, layout).items():
        cells = []
        for mode in RATES:
            one = modes.get(mode)
            for field in ("per_s", "p50_ms", "p99_ms", "cpu_ms"):
                cells.append(number(getattr(one, field, None)))
        puts = [modes[mode] for mode in RATES[:2] if mode in modes]
        gets = [modes[mode] for mode in RATES[2:] if mode in modes]
        lines.append([name, *cells, _share(puts), _share(gets), _replicas(puts)])
    yield f"\n{layout} (ms; CPU ms an operation of all processes)"
    yield table(["", *columns, "acked", "found", "replicas"], lines)


def losses(results: Sequence[Result], layout: str) -> Iterator[str]:
    """One layout with a loss: a row a system and mode."""
    lines = [
        [
            f"{name}: {mode}",
            f"{one.good:.1%}",
            str(one.count),
            number(one.p50_ms),
            number(one.p99_ms),
            number(one.worst_ms),
            number(one.wall_s),
            number(one.cpu_ms),
            _replicas([one]),
        ]
        for name, modes in _rows(results, layout).items()
        for mode in LOSSES
        if (one := modes.get(mode))
    ]
    yield f"\n{layout}: what was asked at once after (put before: before)"
    yield table(["", "good", "of", "p50 ms", "p99 ms", "worst ms", "took s", "CPU ms", "replicas"], lines)


def versus_table(rows: Sequence[Versus]) -> Iterator[str]:
    if not rows:
        return
    yield "\nBeside the peers (rate: ours over theirs; CPU: theirs over ours; above 1 is ahead)"
    lines = [
        [f"{one.ours} / {one.peer}", one.layout, one.mode, number(one.rate), number(one.cpu), one.verdict]
        for one in rows
    ]
    yield table(["", "layout", "mode", "rate", "CPU", "verdict"], lines)
    yield f"ahead in {sum(one.verdict == 'ahead' for one in rows)} of {len(rows)} cells"


def notes(
    systems: Mapping[str, str], results: Sequence[Result], missing: Sequence[str], failed: Mapping[str, str]
) -> Iterator[str]:
    """What each system does on the wire, what went wrong, and what is not in the tables."""
    yield ""
    for name, text in systems.items():
        yield f"{name}: {text}"
    for one in results:
        for text in one.errors:
            yield f"{one.system}, {one.layout}, {one.mode}: {text}"
    for name in missing:
        yield f"{name}: not installed"
    for name, why in failed.items():
        yield f"{name}: FAILED: {why}"


def _rows(results: Sequence[Result], layout: str) -> dict[str, dict[str, Result]]:
    rows: dict[str, dict[str, Result]] = {}
    for one in results:
        if one.layout == layout:
            rows.setdefault(one.system, {})[one.mode] = one
    return rows


def _share(results: Sequence[Result]) -> str:
    count = sum(one.count for one in results)
    return f"{sum(one.good * one.count for one in results) / count:.1%}" if count else "-"


def _replicas(results: Sequence[Result]) -> str:
    known = [one for one in results if one.replicas is not None]
    if not known:
        return "-"
    mean = sum(one.replicas or 0 for one in known) / len(known)
    return f"{mean:.1f} (≥ {min(one.fewest or 0 for one in known)})"
