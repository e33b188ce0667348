"""`doctor`: what is wrong with a node, and what to do."""

from __future__ import annotations

import dataclasses

import click

from . import output
from .exits import DONE, FAILED
from .terms import Terms, common

_INDENT = 21
_SIGNS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


@click.command()
@common
def doctor(terms: Terms) -> int:
    """Look for what is wrong with a node and its data directory, and say what to do.

    Exit code 1 where something fails; what could merely be better is no failure.
    """
    from .checks import CHECKS, Check, Patient, State

    patient = Patient(terms.data_dir)
    found: list[Check] = []
    for check in CHECKS:
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
    return FAILED if failed else DONE


def _show(name: str, state: str, text: str, advice: str) -> None:
    sign, colour = _SIGNS[state]
    if not output.is_terminal():
        sign = state
    click.echo(f"{click.style(f'{sign:<4}', fg=colour, bold=True)} {name:<15} {output.wrapped(text, _INDENT)}")
    if advice:
        click.echo(f"{'':<{_INDENT}}→ {output.wrapped(advice, _INDENT + 2)}")
