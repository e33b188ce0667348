"""`doctor`: what is wrong with a node, and what to do."""

from __future__ import annotations

import dataclasses

import click

from . import output
from .exits import DONE, FAILED, NO_NODE
from .terms import Terms, common

_INDENT = 21
_SIGNS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@click.command()
@click.option("--live", is_flag=True, help="Only whether the running node works: for health checks, made often.")
@common
def doctor(terms: Terms, live: bool) -> int:
    """Look for what is wrong with a node and its data directory, and say what to do.

    A running node also does some real work: it puts and gets a record of its own, which it keeps for a minute, and each
    of its services has to answer.

    Exit code 1 where something fails; what could merely be better is no failure. With --live, 4 where no node runs.
    """
    from .checks import CHECKS, LIVE, Check, Patient, State

    patient = Patient(terms.data_dir)
    found: list[Check] = []
    for check in LIVE if live else CHECKS:
        one = check(patient)
        if one is not None:
            found.append(one)
            if not terms.json and not (terms.quiet and one.state is State.OK):
                _show(one.name, one.state, one.text, one.advice)
    if live and patient.holder is None:
        found.append(Check("node", State.FAIL, "none is running", f"mdht run --data-dir {terms.data_dir}"))
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
