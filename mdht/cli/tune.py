"""`tune`: which placement of services is best on this machine for a load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from . import output
from .exits import FAILED
from .terms import Terms, alone
from .tuned import Targets, as_options
from .values import Number

if TYPE_CHECKING:
    from ..tuning.placed import Placed
    from ..tuning.report import Report
    from ..tuning.tune import Options
    from ..tuning.workload import Workload


_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0}


def seconds(text: str) -> float:
    """A time as people write it: 90s, 5m, 1h, or seconds alone."""
    number, unit = (text[:-1], _UNITS[text[-1:]]) if text[-1:] in _UNITS else (text, 1.0)
    try:
        return float(number) * unit
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time, such as 90s, 5m or 1h.") from None


@click.command()
@click.option(
    "--gets", type=click.FloatRange(0, 1), metavar="SHARE", help="Part of requests that are gets.  [default: 0.9]"
)
@click.option(
    "--owned",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Part of puts that are owned records, whose signatures are verified.  [default: 0]",
)
@click.option(
    "--value",
    "sizes",
    type=Number(int, 16, 65_536),
    multiple=True,
    metavar="BYTES",
    help="Size of values; may be repeated.  [default: 256]",
)
@click.option("--links", type=int, metavar="N", help="Links of peers to the node.  [default: 16]")
@click.option("--in-flight", type=int, metavar="N", help="Requests under way, in all.  [default: 64]")
@click.option("--records", type=int, metavar="N", help="Records that are there to be got.  [default: 2000]")
@click.option("--store", type=click.Choice(["memory", "lmdb"]), help="Where the node keeps them.  [default: memory]")
@click.option(
    "--like",
    type=click.Path(file_okay=False, exists=True),
    metavar="DATA_DIR",
    help="The load that the node there has seen; options above count more.",
)
@click.option(
    "--from",
    "file",
    type=click.Path(dir_okay=False, exists=True),
    metavar="FILE",
    help="Begin with this configuration's placements.  [default: single]",
)
@click.option(
    "--budget", type=seconds, default="5m", show_default=True, metavar="TIME", help="How long in all: 90s, 5m, 1h."
)
@click.option(
    "--turn",
    type=seconds,
    metavar="TIME",
    help="Of one measurement.  [default: 1s, or a 180th of the budget if that is less]",
)
@click.option(
    "--turns", type=int, default=20, show_default=True, metavar="N", help="Most pairs of measurements a comparison."
)
@click.option(
    "--goal",
    type=click.Choice(["throughput", "p99", "cpu"]),
    default="throughput",
    show_default=True,
    help="What is to become better.",
)
@click.option(
    "--makers", type=int, default=0, metavar="N", help="Processes that make load.  [default: half of the cores]"
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, exists=True),
    metavar="DIR",
    help="On the disk that is to be measured.  [default: temporary files]",
)
@click.option(
    "--chart", type=click.Path(dir_okay=False), metavar="FILE", help="Draw FILE.png and FILE.svg.  [default: mdht-tune]"
)
@click.option(
    "--toml",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write the recommended placements there.  [default: mdht.toml is shown]",
)
@click.option("--save", type=click.Path(dir_okay=False), metavar="FILE", help="Write the report as JSON.")
@click.option(
    "--compare",
    type=click.Path(dir_okay=False, exists=True),
    metavar="FILE",
    help="Say what differs from that earlier report.",
)
@click.option(
    "--apply",
    "apply_to",
    type=click.Path(file_okay=False, exists=True),
    metavar="DATA_DIR",
    help="Move the services of the node that runs there.",
)
@alone
def tune(
    terms: Terms,
    file: str | None,
    like: str | None,
    budget: float,
    turn: float | None,
    turns: int,
    goal: str,
    makers: int,
    directory: str | None,
    chart: str | None,
    toml: str | None,
    save: str | None,
    compare: str | None,
    apply_to: str | None,
    **load: Any,
) -> int:
    """Find the best placement of services on this machine, for a load.

    Nodes are started with one placement and the next, each measured in turns with the one before, and what helps beyond
    the noise is kept. Load makers run on this machine, too, and take their share of it. The result is measured again,
    in fresh nodes, against a node on a single thread. What a short run cannot tell is called undecided.

    Exit code 1: a file could not be written, or a service not be moved; the result is shown all the same.
    """
    targets = Targets(save, toml, chart)
    targets.check()
    before = _report_in(compare) if compare else None
    times = {"budget": budget, "turn": turn}
    options = _options(like, load, file, targets, times, turns=turns, makers=makers, goal=goal, directory=directory)
    if apply_to:
        _runs(apply_to)
    from ..tuning.tune import tune as run

    _about_disk(terms, options.workload, directory)
    report: Report = run(options, terms.note)
    plain = report.plain()
    plain["charts"] = targets.draw(terms, report)
    if before is not None:
        from ..tuning.report import against

        plain["against"] = against(before, plain)
    targets.write(report, plain)
    if not terms.json:
        _show(report, plain, toml if toml in targets.written else None)
    plain["not_written"] = targets.failed
    failed = _apply(terms, apply_to, report.recommended) if apply_to else {}
    if apply_to:
        plain["not_applied"] = failed
    if terms.json:
        output.result(plain)
    else:
        for path, wrong in targets.failed.items():
            output.note(f"{path} was not written: {wrong}")
    return FAILED if failed or targets.failed else 0


def _options(
    like: str | None,
    load: dict[str, Any],
    file: str | None,
    targets: Targets,
    times: dict[str, Any],
    *,
    turns: int,
    **others: Any,
) -> Options:
    """What is to be done. Raises UsageError with all faults, by the names of the options."""
    from ..errors import ConfigError
    from ..tuning.search import Budget
    from ..tuning.spending import usual_turn_s
    from ..tuning.tune import Options

    start = _start(file)
    try:
        turn_s = usual_turn_s(times["budget"]) if times["turn"] is None else times["turn"]
        options = Options(
            workload=_workload(like, load),
            budget=Budget(seconds=times["budget"], turn_s=turn_s, turns=turns),
            start=start,
            report_s=targets.takes_s,
            **others,
        )
        options.check()
    except ConfigError as error:
        raise as_options(error.faults) from None
    return options


def _workload(like: str | None, load: dict[str, Any]) -> Workload:
    """As asked for, not checked; like what a node has seen, checked. Raises ConfigError, and what asking it raises."""
    from ..tuning.workload import Workload, seen_by

    names = {"gets": "get_share", "owned": "owned_share", "sizes": "value_bytes"}
    given = {names.get(key, key): value for key, value in load.items() if value not in (None, ())}
    if like is None:
        return Workload(**given)
    from ..config import Config
    from ..remote import RemoteNode

    with RemoteNode(like) as node:
        return seen_by(node.stats(), Config(store=node.about().store, data_dir=like), **given)


def _runs(data_dir: str) -> None:
    """Raises NoNode where nothing could be moved at the end."""
    from ..remote import RemoteNode

    with RemoteNode(data_dir) as node:
        node.about()


def _start(file: str | None) -> Placed:
    from ..config import Config
    from ..tuning.placed import Placed

    return Placed() if file is None else Placed.of_config(Config.load(file))


def _report_in(path: str) -> dict[str, Any]:
    from ..tuning.errors import BadReport
    from ..tuning.report import FORMAT

    try:
        plain = json.loads(Path(path).read_text())
    except ValueError as error:
        raise BadReport(path, str(error)) from None
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise BadReport(path, f"its format is not {FORMAT!r}")
    return plain


def _about_disk(terms: Terms, workload: Workload, directory: str | None) -> None:
    import tempfile

    from ..tuning.processes import on_disk

    where = str(Path(directory or tempfile.gettempdir()).resolve())
    if workload.waits_for_disk and on_disk(where) in ("tmpfs", "ramfs"):
        terms.note(f"{where} is in memory, where syncing costs nothing: name a directory on the node's disk by --dir")


def _show(report: Report, plain: dict[str, Any], toml: str | None) -> None:
    from ..tuning.report import HEADERS

    rows = sorted(report.rows, key=lambda row: -row.relative)
    marked = [(("* " if row.placed == report.recommended else "  ") + row.cells()[0], *row.cells()[1:]) for row in rows]
    output.table(HEADERS, marked, "Placements, the recommended one marked")
    output.line("")
    for sentence in report.why():
        output.line(output.wrapped(sentence))
    for sentence in plain.get("against", ()):
        output.line(output.wrapped(sentence))
    output.line(f"\nRecommended: {report.recommended}{f' (written to {toml})' if toml else ''}\n")
    output.line(report.recommended.toml())


def _apply(terms: Terms, data_dir: str, placed: Placed) -> dict[str, str]:
    """What could not be moved, and why; the result is told all the same where the node has ended meanwhile."""
    from ipc import IpcError

    from ..errors import MdhtError
    from ..remote import RemoteNode
    from ..tuning.apply import apply

    try:
        with RemoteNode(data_dir) as node:
            return apply(node, placed, terms.note)
    except (MdhtError, IpcError, OSError) as error:
        terms.note(f"nothing more was moved: {error}")
        return {data_dir: str(error)}
