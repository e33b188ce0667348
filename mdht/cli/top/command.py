"""`top`: the command."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator

import click

from ...errors import TimedOut
from ...remote import RemoteNode
from .. import output
from ..exits import DONE
from ..rates import Rate, rates
from ..terms import Terms, common
from ..values import SECONDS


@click.command()
@click.option(
    "--interval", "-i", type=SECONDS, default=2.0, show_default=True, metavar="SECONDS", help="Between two looks."
)
@click.option("--once", is_flag=True, help="Look once, for one interval, and end.")
@common
def top(terms: Terms, interval: float, once: bool) -> int:
    """Show where the node's services are and how they do, until q or Ctrl-C.

    CPU% and calls a second are of the last interval; p99 is of the latest calls. Services that share a process share
    its CPU and memory. A placement with a star is not the configured one; a service that is silent does not answer.
    Keys are at the bottom; a wider terminal shows more columns ($COLUMNS, else 80, where there is none). With --json
    one line an interval, of services only.
    """
    with RemoteNode(terms.data_dir) as node:
        try:
            if terms.json:
                for found in _looks(node, interval, once):
                    output.result(found)
            elif once or not output.is_terminal() or os.environ.get("TERM") == "dumb":
                _written(node, interval, once)
            else:
                from .watching import watch

                watch(node, node.about(), interval)
        except KeyboardInterrupt:
            pass  # the usual way to end it
    return DONE


def _looks(node: RemoteNode, interval: float, once: bool) -> Iterator[list[Rate]]:
    before, then_s = node.services(), time.monotonic()
    while True:
        time.sleep(interval)
        now, now_s = node.services(), time.monotonic()
        yield rates(before, now, now_s - then_s)
        if once:
            return
        before, then_s = now, now_s


def _written(node: RemoteNode, interval: float, once: bool) -> None:
    """Everything, on as many lines as that takes, each time."""
    import asyncio

    from .layout import table_of
    from .look import Numbers, view_of
    from .sampling import look, numbers

    async def counted() -> tuple[Numbers | None, str]:
        """None, and why, where a service stands still: its row says so, too."""
        try:
            return await numbers(node), ""
        except TimedOut as error:
            return None, f"numbers are missing: {error}"

    async def main() -> None:
        try:
            about = await node.aabout()
            before, (numbers_before, trouble) = await look(node, about), await counted()
            while True:
                await asyncio.sleep(interval)
                now = await look(node, about)
                numbers_now, trouble = (None, trouble) if once and trouble else await counted()
                up_s = time.time() - about.started_s
                view = view_of(about, up_s, (before, now), (numbers_before, numbers_now), trouble)
                output.line("\n".join(table_of(view, shutil.get_terminal_size().columns)))
                if once:
                    return
                output.line("")
                before, numbers_before = now, numbers_now
        finally:
            await node.aclose()

    asyncio.run(main())
