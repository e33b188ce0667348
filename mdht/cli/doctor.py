"""`doctor`: what is wrong with a node, and what to do."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Final

import click

from . import output
from .exits import DONE, FAILED, NO_NODE
from .terms import Terms, common
from .values import SECONDS

_ALL_S: Final = 60.0
"""Seconds for all checks where none are given."""

_INDENT = 21
_SIGNS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@click.command()
@click.option("--live", is_flag=True, help="Only whether the running node works: for health checks, made often.")
@click.option(
    "--timeout",
    type=SECONDS,
    metavar="SECONDS",
    help="Seconds for all that the node is asked; what it does not answer by then fails.  [default: 8 with --live, "
    "else 60]",
)
@common
def doctor(terms: Terms, live: bool, timeout: float | None) -> int:
    """Look for what is wrong with a node and its data directory, and say what to do.

    A running node also does some real work: it puts and gets a record of its own, which it keeps for a minute, and each
    of its services has to answer.

    Exit code 1 where something fails; what could merely be better is no failure. With --live, 4 where no node runs, and
    the verdict is there within --timeout: give a health check that calls it two seconds more.
    """
    from .live import LIVE, LIVE_S
    from .patient import Check, Patient, State

    checks: tuple[Callable[[Patient], Check | None], ...] = LIVE
    if not live:
        from .checks import CHECKS as checks
    patient = Patient(terms.data_dir, time.monotonic() + (timeout or (LIVE_S if live else _ALL_S)))
    found: list[Check] = []
    for check in checks:
        one = check(patient)
        if one is not None:
            found.append(one)
            if not terms.json and not (terms.quiet and one.state is State.OK):
                _show(one.name, one.state, one.text, one.advice)
    failed = sum(one.state is State.FAIL for one in found)
    warned = sum(one.state is State.WARN for one in found)
    if terms.json:
        output.result({"ok": not failed, "checks": [dataclasses.asdict(one) for one in found]})
    elif failed or warned:
        terms.note(f"\n{output.count(failed, 'failure')}, {output.count(warned, 'warning')}.")
    else:
        terms.note("\nAll is well.")
    if live and patient.holder is None:
        return NO_NODE
    return FAILED if failed else DONE


def _show(name: str, state: str, text: str, advice: str) -> None:
    sign, colour = _SIGNS[state]
    if not output.is_terminal():
        sign = state
    click.echo(f"{click.style(f'{sign:<4}', fg=colour, bold=True)} {name:<15} {output.wrapped(text, _INDENT)}")
    if advice:
        click.echo(f"{'':<{_INDENT}}→ {output.wrapped(advice, _INDENT + 2)}")
