"""Thin commands for what the node keeps alive: `shares`, `unshare`, `forget`."""

from __future__ import annotations

import time
from typing import Any, Literal

import click

from ..control import ForgetCall, SharesCall, UnshareCall
from ..errors import shown
from . import output
from .exits import DONE, NOT_FOUND
from .terms import Terms, common, waiting
from .values import HASH, content_key_of, key_of


@click.command()
@common
def shares(terms: Terms) -> None:
    """List the shares that the node keeps alive, and how their last renewal went.

    \b
    kept        all of it was stored, or found stored
    failing     peers could not be reached; it is tried again
    unreadable  its files cannot be read; it is tried again
    changed     its files are other ones by now; it is renewed no more
    """
    found: list[dict[str, Any]] = terms.node().ask(SharesCall())
    if terms.json:
        output.result(found)
        return
    if not found:
        terms.note("Nothing is shared. Share a file or folder with `mdht share PATH`.")
        return
    cut, now_s = output.is_terminal(), time.time()
    output.table(
        ("Share", "State", "Renewed", "Files", "Size", "Path"),
        [
            (
                one["id"].hex()[:16] + "…" if cut else one["id"].hex(),
                one["state"],
                _ago(now_s - one["renewed_s"]),
                f"{one['files']:,}",
                output.size(one["size_bytes"]),
                shown(one["path"], quotes=False, most=200),
            )
            for one in found
        ],
    )
    for one in found:
        if one["why"]:
            terms.note(f"{shown(one['path'], quotes=False, most=200)}: {one['why']}")
    if cut:
        terms.note(f"{output.count(len(found), 'share')}; their whole ids are in `mdht shares --json`.")


@click.command()
@click.argument("id", type=HASH)
@common
def unshare(terms: Terms, id: bytes) -> int:
    """Keep the share ID alive no more. What peers have of it is gone within a day; nothing recalls it."""
    return _told(terms, terms.node().ask(UnshareCall(id)), "It is renewed no more.", "This node does not share that.")


@click.command()
@click.argument("key")
@click.option("--hex", "is_hex", is_flag=True, help="The key is written in hexadecimal.")
@click.option(
    "--kind",
    type=click.Choice(["content", "owned", "open"]),
    default="content",
    show_default=True,
    help="Of the record; content is found by its hash.",
)
@waiting()
@common
def forget(
    terms: Terms, key: str, is_hex: bool, kind: Literal["content", "owned", "open"], timeout: float | None
) -> int:
    """Put what this node's user has put under KEY again no more: content is gone after a day, the rest at its expiry.

    To take an owned or open record back at once, `mdht delete` it.
    """
    called = content_key_of(key) if kind == "content" else key_of(key, is_hex)
    forgotten = terms.node().ask(ForgetCall(called, kind, timeout), timeout)
    return _told(terms, forgotten, "It is put again no more.", "This node does not put that again.")


def _told(terms: Terms, done: bool, yes: str, no: str) -> int:
    if terms.json:
        output.result({"done": done})
    else:
        terms.note(yes if done else no)
    return DONE if done else NOT_FOUND


def _ago(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"
