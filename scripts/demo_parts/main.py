"""From the command line to the program, which is imported when it is known to be wanted."""

from __future__ import annotations

from collections.abc import Sequence

from .options import read


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. Raises SystemExit where the command line is wrong."""
    options = read(arguments)
    try:
        from .program import carry_out

        return carry_out(options)
    except KeyboardInterrupt:  # before the program takes signals itself
        return 130
