"""The printed report: rates a layout, what came after a loss, and who is ahead of whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from networks.result import Result, Versus
from table import number, table

RATES = ("put 1", "put 32", "get 1", "get 32")
LOSSES = ("put before", "get 1", "get 32", "put 1", "put 32")


def rates(results: Sequence[Result], layout: str) -> Iterator[str]:
    """One layout without a loss: a row a system; first rates and CPU, then latencies."""
    rows = _rows(results, layout)
    lines = []
    for name, modes in rows.items():
        cells = _cells(modes, ("per_s", "cpu_ms"))
        puts = [modes[mode] for mode in RATES[:2] if mode in modes]
        gets = [modes[mode] for mode in RATES[2:] if mode in modes]
        lines.append([name, *cells, _share(puts), _share(gets), _replicas(puts)])
    columns = [title for mode in RATES for title in (f"{mode}/s", "CPU ms")]
    yield f"\n{layout}: operations a second, and CPU ms of all processes for each"
    yield table(["", *columns, "acked", "found", "replicas"], lines)
    yield f"\n{layout}: latencies in ms"
    columns = [title for mode in RATES for title in (f"{mode} p50", "p99")]
    yield table(["", *columns], [[name, *_cells(modes, ("p50_ms", "p99_ms"))] for name, modes in rows.items()])


def _cells(modes: Mapping[str, Result], fields: Sequence[str]) -> list[str]:
    return [number(getattr(modes.get(mode), field, None)) for mode in RATES for field in fields]


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
    """A row a pair and layout: in each mode the ratios of rates and of CPU."""
    if not rows:
        return
    pairs: dict[tuple[str, str], dict[str, Versus]] = {}
    for one in rows:
        pairs.setdefault((f"{one.ours} / {one.peer}", one.layout), {})[one.mode] = one
    lines = [
        [name, layout, *(f"{number(modes[m].rate)} · {number(modes[m].cpu)}" if m in modes else "-" for m in RATES)]
        for (name, layout), modes in pairs.items()
    ]
    yield "\nBeside the peers: rate (ours over theirs) · CPU (theirs over ours); above 1 is ahead"
    yield table(["", "layout", *RATES], lines)
    yield f"ahead in both in {sum(one.verdict == 'ahead' for one in rows)} of {len(rows)} cells"


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
