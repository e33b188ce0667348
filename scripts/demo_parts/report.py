"""The closing table, and the same as JSON."""

from __future__ import annotations

import json

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .course import SHARER, Outcome
from .options import Options
from .units import seconds, size


def as_json(options: Options, outcome: Outcome, directory: str) -> str:
    """One object. Times are in seconds, sizes in bytes."""
    fetches = [
        {
            "node": one.node,
            "after_kills": at > 0,
            "seconds": one.seconds,
            "files": one.files,
            "size_bytes": one.size_bytes,
            "bytes_per_s": one.size_bytes / one.seconds if one.seconds else 0.0,
            "same": one.differences is not None and not one.differences,
            "differences": str(one.differences or ""),
        }
        for at, one in enumerate(outcome.fetches)
    ]
    return json.dumps(
        {
            "same": outcome.same,
            "folder": outcome.folder,
            "files": outcome.files,
            "size_bytes": outcome.size_bytes,
            "skipped": outcome.skipped,
            "id_hex": outcome.id.hex(),
            "chunks": outcome.chunks,
            "replicas": outcome.replicas,
            "nodes": options.nodes,
            "killed": options.killed,
            "store": options.store,
            "start_s": outcome.start_s,
            "share_s": outcome.share_s,
            "share_bytes_per_s": outcome.size_bytes / outcome.share_s if outcome.share_s else 0.0,
            "fetches": fetches,
            "first_answer_s": outcome.first_answer_s,
            "recovered_s": outcome.recovered_s,
            "idle_memory_bytes": outcome.idle.own,
            "busy_memory_bytes": outcome.busy.own,
            "busy_resident_bytes": outcome.busy.resident,
            "directory": directory or None,
        }
    )


def table(options: Options, outcome: Outcome, directory: str) -> None:
    """On stdout."""
    drawn = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False, title="What happened", title_justify="left")
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    rows = [
        ("shared", f"{outcome.files:,} files, {size(outcome.size_bytes)}"),
        ("as", f"{outcome.chunks:,} chunks, {outcome.replicas} replicas of each or more, store {options.store}"),
        ("nodes", f"{options.nodes} processes, started and linked in {seconds(outcome.start_s)}"),
        ("share", f"{_rate(outcome.size_bytes, outcome.share_s)}, through node {SHARER}"),
    ]
    for one, what in zip(outcome.fetches, ("fetch", "fetch after the kills"), strict=True):
        bad = str(one.differences or "")
        verdict = f"NOT THE SAME: {bad}" if bad else f"every SHA-256 is the same ({one.files:,} files)"
        rows.append((what, f"{_rate(one.size_bytes, one.seconds)}, through node {one.node}; {verdict}"))
        if what == "fetch":
            names = ", ".join(map(str, options.killed))
            rows.append(("killed (SIGKILL)", f"{len(options.killed)} of {options.nodes} nodes: {names}"))
    rows += [
        (
            "time to recover",
            f"first record found {seconds(outcome.first_answer_s)} after the kills, all {outcome.files:,} files "
            f"{seconds(outcome.recovered_s)} after",
        ),
        ("memory of a node", f"{_range(outcome.idle.own)} idle, {_range(outcome.busy.own)} after a share or fetch"),
        ("", f"{_range(outcome.busy.resident)} with the mapped pages of its store"),
    ]
    if directory:
        rows.append(("kept in", directory))
    for name, value in rows:
        drawn.add_row(Text(name), Text(value, "red" if "NOT THE SAME" in value else ""))
    Console(highlight=False).print(drawn)


def _rate(count: int, took_s: float) -> str:
    return f"{seconds(took_s)}, {size(count / took_s)}/s" if took_s else seconds(took_s)


def _range(sizes: list[int]) -> str:
    return f"{size(min(sizes))} to {size(max(sizes))}" if sizes else "unknown"
