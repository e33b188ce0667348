"""The printed report: a table a size, the budgets, and who is ahead of whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from budgets import Budget, Versus
from measure import Result
from subject import IN_FLIGHT_64, ONE_IN_FLIGHT, ONE_WAY
from table import number, size_name, table

COLUMNS = (
    ("one way/s", ONE_WAY, "messages_per_s"),
    ("CPU µs", ONE_WAY, "cpu_us"),
    ("one in flight/s", ONE_IN_FLIGHT, "messages_per_s"),
    ("p50 µs", ONE_IN_FLIGHT, "p50_us"),
    ("p99 µs", ONE_IN_FLIGHT, "p99_us"),
    ("CPU µs", ONE_IN_FLIGHT, "cpu_us"),
    ("64 in flight/s", IN_FLIGHT_64, "messages_per_s"),
    ("CPU µs", IN_FLIGHT_64, "cpu_us"),
)


def matrix(results: Sequence[Result]) -> Iterator[str]:
    """One table a size, a row a subject in the order measured; `spread` is the worst of the row's modes."""
    for size in sorted({one.size_bytes for one in results}):
        rows: dict[str, dict[str, Result]] = {}
        for one in results:
            if one.size_bytes == size:
                rows.setdefault(one.subject, {})[one.mode] = one
        lines = [
            [
                name,
                next(iter(modes.values())).between,
                *(number(getattr(modes.get(mode), field, None)) for _, mode, field in COLUMNS),
                f"{max(one.spread for one in modes.values()):.0%}",
            ]
            for name, modes in rows.items()
        ]
        yield f"\n{size_name(size)}"
        yield table([size_name(size), "between", *(title for title, _, _ in COLUMNS), "spread"], lines)


def budget_table(budgets: Sequence[Budget]) -> Iterator[str]:
    yield "\nBudgets (ratio above 1 is better than asked for)"
    rows = [[one.what, number(one.limit), number(one.measured), number(one.ratio), one.verdict] for one in budgets]
    yield table(["100-byte commands", "limit", "measured", "ratio", "verdict"], rows)


def versus_table(rows: Sequence[Versus]) -> Iterator[str]:
    if not rows:
        return
    yield "\nAgainst peers (messages/s: ours over theirs; CPU: theirs over ours; above 1 is ahead)"
    lines = [
        [
            f"{one.cell} / {one.peer}",
            size_name(one.size_bytes),
            one.mode,
            number(one.rate),
            number(one.cpu),
            one.verdict,
        ]
        for one in rows
    ]
    yield table(["cell / peer", "size", "mode", "messages/s", "CPU", "verdict"], lines)
    behind = [one for one in rows if one.verdict == "behind"]
    yield f"ahead in {len(rows) - len(behind)} of {len(rows)}"


def faults(failed: Mapping[str, str], missing: Sequence[str]) -> Iterator[str]:
    """What is not in the tables, and why."""
    for name in missing:
        yield f"{name}: not installed"
    for name, why in failed.items():
        yield f"{name}: FAILED: {why}"
