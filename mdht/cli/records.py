"""Thin commands for records: `put`, `get`, `delete`."""

from __future__ import annotations

import os
from typing import Any, Literal, cast

import click

from ..control import DeleteCall, GetAllCall, GetCall, PutCall
from ..errors import shown
from . import output
from .terms import Terms, common, waiting
from .values import KEEP, PUBLIC, REPLICAS, VERSION, content_key_of, key_of, limited, value_of

_Kind = Literal["content", "owned", "open"]
_hex_option = click.option("--hex", "is_hex", is_flag=True, help="The key is written in hexadecimal.")


@click.command()
@click.argument("value", required=False)
@click.option("--file", "-f", "source", type=click.File("rb"), metavar="FILE", help="Take the value from a file.")
@click.option("--key", "-k", help="Store it under this key, not under its hash.")
@_hex_option
@click.option(
    "--kind",
    type=click.Choice(["content", "owned", "open"]),
    help="content: found by its hash. owned: found by its key and this node's public key. open: found by its key; "
    "others may use it, too.  [default: content, or owned with a key]",
)
@click.option("--sequence", type=VERSION, default=0, metavar="N", help="Its version.  [default: one more than held]")
@click.option("--expect", type=VERSION, metavar="N", help="Only where this version is held; 0: where none is.")
@click.option("--keep", type=KEEP, default=0, metavar="SECONDS", help="For how long.  [default: as long as may be]")
@click.option("--replicas", type=REPLICAS, default=0, metavar="N", help="How many peers get it.")
@waiting()
@common
def put(
    terms: Terms,
    value: str | None,
    source: Any,
    key: str | None,
    is_hex: bool,
    kind: _Kind | None,
    sequence: int,
    expect: int | None,
    keep: int,
    replicas: int,
    timeout: float | None,
) -> None:
    """Store VALUE in the network (`-`: stdin), and print its hash, or its version where it has a key.

    \b
    mdht put hello
    mdht put v1 --key config
    mdht put - --key page --kind open < page.html
    """
    kind = kind or ("content" if key is None else "owned")
    if kind == "content" and key is not None:
        raise click.UsageError("Content has no key but its hash: leave --key out, or say --kind owned.")
    if kind != "content" and not key:
        raise click.UsageError(f"A record of kind {kind} needs a --key.")
    if (value is None) == (source is None):
        raise click.UsageError("Give either a VALUE (`-`: stdin) or a --file.")
    data = limited(source) if value is None else value_of(value)
    called = b"" if key is None else key_of(key, is_hex)
    call = PutCall(data, called, kind, sequence, expect, keep, replicas, timeout)
    _stored(terms, kind, terms.node().ask(call, timeout), "Stored")


@click.command()
@click.argument("key")
@_hex_option
@click.option("--kind", type=click.Choice(["owned", "open"]), default="owned", show_default=True, help="Of the record.")
@click.option("--expect", type=VERSION, metavar="N", help="Only where this version is held.")
@waiting()
@common
def delete(
    terms: Terms, key: str, is_hex: bool, kind: Literal["owned", "open"], expect: int | None, timeout: float | None
) -> None:
    """Delete the node's own record under KEY. Content is not deleted: nobody owns it, and it expires."""
    call = DeleteCall(key_of(key, is_hex), kind, expect, timeout)
    _stored(terms, kind, terms.node().ask(call, timeout), "Deleted")


def _stored(terms: Terms, kind: str, done: dict[str, Any], what: str) -> None:
    if terms.json:
        output.result({"kind": kind, **done})
        return
    output.line(done["key"].hex() if kind == "content" else str(done["sequence"]))
    version = "" if kind == "content" else f" as version {done['sequence']}"
    terms.note(f"{what}{version} at {done['stored']} of {output.count(done['wanted'], 'replica')}.")
    if not done.get("remembered", True):
        terms.note("Warning: the node had no room to remember it, and will not put it again; its log says why.")


@click.command()
@click.argument("key")
@_hex_option
@click.option(
    "--kind",
    type=click.Choice(["content", "owned", "open"]),
    help="Of the record.  [default: content, whose key is its hash; owned with --owner]",
)
@click.option("--owner", type=PUBLIC, metavar="HEX", help="Public key of the owner.  [default: this node]")
@click.option("--all", "everyone", is_flag=True, help="The records of all owners of an open name.")
@click.option(
    "--output", "-o", "target", type=click.Path(dir_okay=False), metavar="FILE", help="Where to write it.  [default: -]"
)
@waiting()
@common
def get(
    terms: Terms,
    key: str,
    is_hex: bool,
    kind: _Kind | None,
    owner: bytes | None,
    everyone: bool,
    target: str | None,
    timeout: float | None,
) -> None:
    """Find the value under KEY, and write it as it is.

    \b
    mdht get 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
    mdht get config --kind owned
    mdht get config --owner 9f86d081… --output config.txt
    """
    kind = kind or ("open" if everyone else "content" if owner is None else "owned")
    if owner is not None and kind != "owned":
        raise click.UsageError("Only owned records are found by an --owner.")
    if everyone:
        if kind != "open" or target is not None:
            raise click.UsageError("--all lists open records; it takes neither another --kind nor --output.")
        _all(terms, terms.node().ask(GetAllCall(key_of(key, is_hex), timeout), timeout))
        return
    called = content_key_of(key) if kind == "content" else key_of(key, is_hex)
    got: dict[str, Any] = terms.node().ask(GetCall(called, kind, owner, timeout), timeout)
    value = cast(bytes, got["value"])
    got["size_bytes"] = len(value)
    to_file = target is not None and target != "-"
    if target is not None and to_file:
        with open(target, "wb") as file:
            file.write(value)
        del got["value"]
        got["path"] = os.path.abspath(target)
        terms.note(f"{output.size(len(value))} in {target}.")
    if terms.json:
        output.result({"kind": kind, **got})
    elif target is None and output.is_terminal():
        _show(terms, value)
    elif not to_file:
        output.raw(value)


def _show(terms: Terms, value: bytes) -> None:
    """On a terminal: text as it is, with an end of line that is no part of it; and nothing that would upset it."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if not all(char.isprintable() or char in "\n\t\r" for char in text):
        terms.note(f"{output.size(len(value))}, and no text: write it with --output FILE, or --output - for as it is.")
        return
    output.raw(value)
    if not text.endswith("\n"):
        terms.note("")


def _all(terms: Terms, found: list[dict[str, Any]]) -> None:
    found.sort(key=lambda one: one["owner"])
    for one in found:
        one["size_bytes"] = len(one["value"])
    if terms.json:
        output.result(found)
        return
    cut = output.is_terminal()
    output.table(
        ("Owner", "Version", "Size", "Value"),
        [
            (
                one["owner"].hex()[:16] + "…" if cut else one["owner"].hex(),
                str(one["sequence"]),
                output.size(one["size_bytes"]),
                shown(one["value"].decode(errors="backslashreplace"), quotes=False, most=40),
            )
            for one in found
        ],
    )
