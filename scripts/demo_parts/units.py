"""Numbers as people read them."""

from __future__ import annotations


def size(count: float) -> str:
    """Bytes: 1.5 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def seconds(value: float) -> str:
    """12 ms, 3.4 s."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
