"""Thin commands for files: `share` and `fetch`."""

from __future__ import annotations

import os
from typing import Any

import click

from ..control import FetchCall, ShareCall
from ..control.limits import TICKET_BYTES
from ..errors import shown
from . import output
from .progress import transfer
from .terms import Terms, common, waiting
from .values import HASH, REPLICAS

_SILENCE = "Seconds without any progress after which it is given up.  [default: the node's own, 20]"


@click.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--replicas", type=REPLICAS, default=0, metavar="N", help="How many peers get each part.")
@waiting(_SILENCE)
@common
def share(terms: Terms, path: str, replicas: int, timeout: float | None) -> None:
    """Share the file or folder at PATH, and print the id by which anybody fetches it.

    The node reads it, so it must run on this machine as a user who may. Interrupted, it gives up.
    """
    call = ShareCall(os.fsencode(os.path.abspath(path)), _ticket(), replicas, timeout)
    with transfer(terms, "Sharing") as told:
        shared: dict[str, Any] = terms.node().transfer(call, told)
    if terms.json:
        output.result(shared)
        return
    output.line(shared["id"].hex())
    for one in shared.get("skipped") or ():
        terms.note(f"Skipped {shown(one, quotes=False, most=500)}")
    if (more := shared.get("skipped_total", 0) - len(shared.get("skipped") or ())) > 0:
        terms.note(f"Skipped {more:,} more.")
    if shared.get("warning"):
        terms.note(f"Warning: {shown(shared['warning'], quotes=False, most=500)}.")
    terms.note(
        f"Shared {_described(shared)} as {output.count(shared['chunks'], 'chunk')}, "
        f"each at {output.count(shared['replicas'], 'replica')} or more."
    )


@click.command()
@click.argument("id", type=HASH)
@click.argument("path", type=click.Path())
@waiting(_SILENCE)
@common
def fetch(terms: Terms, id: bytes, path: str, timeout: float | None) -> None:
    """Fetch what was shared as ID to PATH, and print where it is. Every byte is verified."""
    call = FetchCall(id, os.fsencode(os.path.abspath(path)), _ticket(), timeout)
    with transfer(terms, "Fetching") as told:
        fetched: dict[str, Any] = terms.node().transfer(call, told)
    if terms.json:
        output.result({"id": id, **fetched})
        return
    output.raw(os.fsencode(os.path.abspath(path)) + b"\n")
    terms.note(f"Fetched {_described(fetched)}.")


def _ticket() -> bytes:
    return os.urandom(TICKET_BYTES // 4)


def _described(done: dict[str, Any]) -> str:
    return f"{output.count(done['files'], 'file')}, {output.size(done['size_bytes'])}"
