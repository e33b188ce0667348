"""Thin commands about the node itself: `id`, `connect`, `peers`, `stats`, `stop`."""

from __future__ import annotations

from typing import Any

import click

from ..control import ConnectCall, PeersCall, StatsCall
from ..errors import NoNode
from . import output
from .exits import DONE
from .terms import Terms, common, waiting
from .values import SECONDS


@click.command("id")
@click.option("--public", is_flag=True, help="Show the public key, by which others name the owner of its records.")
@common
def show_id(terms: Terms, public: bool) -> None:
    """Show the node's id and addresses, as others write them to reach it.

    Where no node runs, the id alone: that of the key kept in the data directory.
    """
    try:
        about = terms.node().about()
    except NoNode:
        _kept_id(terms, public)
        return
    if terms.json:
        address = f"{about.id.hex()}@{about.addresses[0]}" if about.addresses else None
        _tell(about.id, about.public, list(about.addresses), address, True)
    elif public:
        output.line(about.public.hex())
    else:
        for where in about.addresses:
            output.line(f"{about.id.hex()}@{where}")
        if not about.addresses:
            output.line(about.id.hex())
            terms.note("The node listens at no address: it only dials.")


def _kept_id(terms: Terms, public: bool) -> None:
    from ..data_dir import load_identity  # brings the cryptographic library

    identity = load_identity(terms.data_dir)
    if identity is None:
        raise NoNode(terms.data_dir)
    if terms.json:
        _tell(identity.id, identity.public, [], None, False)
    else:
        output.line((identity.public if public else identity.id).hex())
        terms.note(f"No node is running in {terms.data_dir}.")


def _tell(id: bytes, public: bytes, addresses: list[str], address: str | None, running: bool) -> None:
    output.result({"id": id, "public": public, "addresses": addresses, "address": address, "running": running})


@click.command()
@click.argument("seed", metavar="[ID@]HOST:PORT")
@waiting()
@common
def connect(terms: Terms, seed: str, timeout: float | None) -> None:
    """Link the node to another, and print the id of who is there.

    With an id in front, nobody else is taken for it; without, whoever answers is.
    """
    peer: bytes = terms.node().ask(ConnectCall(seed, timeout), timeout)
    if terms.json:
        output.result({"id": peer})
    else:
        output.line(peer.hex())


@click.command()
@common
def peers(terms: Terms) -> None:
    """List the peers that the node is linked to."""
    linked: list[dict[str, Any]] = terms.node().ask(PeersCall())
    linked.sort(key=lambda one: one["id"])
    if terms.json:
        output.result(linked)
        return
    if not linked:
        terms.note("No peers. Link to one with `mdht connect ID@HOST:PORT`.")
        return
    cut = output.is_terminal()
    output.table(
        ("Peer", "Seen at", "Dialled by", "Says it is at"),
        [
            (
                one["id"].hex()[:16] + "…" if cut else one["id"].hex(),
                _place(one["host"], one["port"]),
                "us" if one["dialled"] else "them",
                " ".join(one["addresses"]) or "-",
            )
            for one in linked
        ],
    )
    if cut:
        terms.note(f"{output.count(len(linked), 'peer')}; their whole ids are in `mdht peers --json`.")


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@click.command()
@common
def stats(terms: Terms) -> None:
    """Show the node in numbers, service by service. Totals are since its start."""
    parts: dict[str, dict[str, Any]] = terms.node().ask(StatsCall())
    if terms.json:
        output.result(parts)
        return
    output.parts(
        {
            name: [
                (key.removesuffix("_bytes").removesuffix("_s").replace("_", " "), _shown(key, value))
                for key, value in part.items()
                if not isinstance(value, dict | list)
            ]
            for name, part in parts.items()
        }
    )


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bytes):
        return value.hex()
    if key.endswith("bytes") and isinstance(value, int):
        return output.size(value)
    if key.endswith("_s") and isinstance(value, int | float):
        return f"{value:.3f} s"
    return f"{value:,}" if isinstance(value, int) else str(value)


@click.command()
@click.option(
    "--timeout",
    type=SECONDS,
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds until it must have ended.",
)
@common
def stop(terms: Terms, timeout: float) -> int:
    """End the node, and wait until it has: its peers are told, and its data is safe."""
    pid = terms.node().stop(timeout=timeout)
    if terms.json:
        output.result({"stopped_pid": pid})
    else:
        terms.note(f"The node has ended (it was process {pid}).")
    return DONE
