"""Numbers and texts for a table of fixed width: short, and one column a character. Pure."""

from __future__ import annotations

import unicodedata

_SIZES = "BKMGTP"
_COUNTS = "kMGTPE"


def percent(value: float | None) -> str:
    """`3.1`, `153`; nothing where it is not known."""
    if value is None:
        return ""
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def size(count: float) -> str:
    """`512B`, `1.5M`, `412M`: units of 1,024."""
    at = 0
    while abs(count) >= 1023.5 and at < len(_SIZES) - 1:
        count /= 1024
        at += 1
    return f"{count:.0f}{_SIZES[at]}" if at == 0 or abs(count) >= 9.95 else f"{count:.1f}{_SIZES[at]}"


def rate(value: float | None) -> str:
    """`0.4`, `1,234`, `123k`, `4.5M`; nothing where it is not known."""
    if value is None:
        return ""
    if 0 < value < 9.95:
        return f"{value:.1f}"
    return number(round(value))


def number(value: int) -> str:
    """`1,234`, `123k`, `4.5M`."""
    if value < 100_000:
        return f"{value:,}"
    short, at = value / 1000, 0
    while short >= 999.5 and at < len(_COUNTS) - 1:
        short /= 1000
        at += 1
    return f"{short:.0f}{_COUNTS[at]}" if short >= 9.95 else f"{short:.1f}{_COUNTS[at]}"


def seconds(value: float) -> str:
    """`-`, `12µs`, `3ms`, `1.2s`, `5m`, `3h`."""
    if value <= 0:
        return "-"
    if value < 0.0009995:
        return f"{value * 1e6:.0f}µs"
    if value < 0.9995:
        return f"{value * 1e3:.0f}ms"
    if value < 99.95:
        return f"{value:.1f}s"
    return f"{value / 60:.0f}m" if value < 5970 else f"{value / 3600:.0f}h"


def uptime(value: float) -> str:
    """`0:00:07`, `3:02:11`, `4d 3h`."""
    whole = max(0, int(value))
    if whole >= 86_400:
        return f"{whole // 86_400}d {whole % 86_400 // 3600}h"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def clean(text: str) -> str:
    """With `?` for what is no character of one column: controls, escapes, combining and double-width ones."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if _is_narrow(one) else " " if one.isspace() else "?" for one in text)


def cut(text: str, width: int) -> str:
    """No wider than that; `…` stands for the rest."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 0 else ""


def _is_narrow(one: str) -> bool:
    return one.isprintable() and not unicodedata.combining(one) and unicodedata.east_asian_width(one) not in "WF"
