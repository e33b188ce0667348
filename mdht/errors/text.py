"""Text of others in messages."""

from __future__ import annotations


def shown(text: str, quotes: bool = True, most: int = 80) -> str:
    """Text that may come from a peer, fit for a log: one line, printable, at most `most` characters of it."""
    cut = text if len(text) <= most else text[:most] + "…"
    if quotes:
        return ascii(cut) if not cut.isprintable() else repr(cut)
    return cut if cut.isprintable() else ascii(cut)[1:-1]
