"""`place` and `reload`: where the services of a running node are, and how that is changed."""

from __future__ import annotations

import dataclasses

import click

from ..control import Reloaded, ServiceRow
from . import output
from .exits import DONE, FAILED
from .reloaded import plain, told
from .terms import Terms, common
from .troubles import remedy, silence, stays, troubles
from .values import SECONDS


@click.command()
@click.argument("service", required=False)
@click.argument("placement", required=False)
@click.option(
    "--timeout",
    type=SECONDS,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds for running calls to end before it moves.",
)
@common
def place(terms: Terms, service: str | None, placement: str | None, timeout: float) -> int:
    """Show where the node's services are, or move SERVICE to PLACEMENT while it works.

    A placement is `inline`, `coroutine`, `thread` or `process`, with `@group` for one that several share, and
    `+channel`. It lasts until the node ends: write it to the configuration to keep it.
    """
    node = terms.node()
    if service is None:
        _show(terms, node.services())
        return DONE
    if placement is None:
        rows = [row for row in node.services() if row.name == service]
        if not rows:
            raise click.UsageError(f"The node has no service {service!r}; `mdht place` lists those that it has.")
        _show(terms, rows)
        return DONE
    moved = node.move(service, placement, timeout)
    if terms.json:
        output.result(dataclasses.asdict(moved))
    elif moved.before == moved.after:
        terms.note(f"{moved.service} is there already: {moved.after}.")
    else:
        also = f" {' and '.join(moved.also)} went along." if moved.also else ""
        terms.note(f"Moved {moved.service} from {moved.before} to {moved.after} in {moved.took_s:.2f} s.{also}")
        kept = [f'services.{name}.placement = "{moved.after}"' for name in (moved.service, *moved.also)]
        terms.note(f"Until the node ends; to keep it: {', '.join(kept)}")
    return DONE


def _show(terms: Terms, rows: list[ServiceRow]) -> None:
    if terms.json:
        output.result([dataclasses.asdict(row) for row in rows])
        return
    output.table(
        ("Service", "Placement", "Processes", "Calls", "Waiting", "Restarts", "Hangs", "Moves"),
        [
            (
                row.name,
                row.placement if row.placement == row.configured else f"{row.placement} (was {row.configured})",
                " ".join(map(str, row.pids)),
                f"{row.calls:,}",
                f"{row.queued:,}",
                f"{row.restarts:,}",
                f"{row.hangs:,}",
                f"{row.moves:,}",
            )
            for row in rows
        ],
    )
    for row in rows:
        for text in filter(None, (silence(row), *troubles(row))):
            terms.note(f"{row.name} {text}.")
        if stays(row):
            terms.note(f"Nothing can end {row.name} where it is; {remedy(row.name)}.")


@click.command()
@common
def reload(terms: Terms) -> int:
    """Let the node read its configuration again, and take over what a running node can (as SIGHUP does).

    A faulty configuration changes nothing. Exit code 1 where something could not be taken over.
    """
    return tell(terms, terms.node().reload())


def tell(terms: Terms, done: Reloaded) -> int:
    """What became of a new configuration; the exit code."""
    if terms.json:
        output.result(plain(done))
        return FAILED if done.failed else DONE
    for _, text in told(done):
        terms.note(text)
    if not (done.applied or done.failed or done.restart):
        terms.note("Nothing has changed.")
    return FAILED if done.failed else DONE
