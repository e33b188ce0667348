"""The terminal: taken over whole, drawn on, and given back as it was.

It is drawn line by line over what was there, so nothing flickers (ECMA-48; the alternate screen is xterm's).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .layout import Page, Style

_TAKE: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
"""Alternate screen, no cursor, lines that are too long are cut, and all of it empty."""

_GIVE: Final = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"

_PAINT: Final = {
    Style.PLAIN: "",
    Style.HEAD: "\x1b[1m",
    Style.TITLES: "\x1b[7m",
    Style.WARN: "\x1b[33m",
    Style.BAD: "\x1b[1;31m",
    Style.KEYS: "\x1b[2m",
}
_UNCOLOURED: Final = {Style.WARN: "\x1b[1m", Style.BAD: "\x1b[1;4m"}
"""Where NO_COLOR is set (no-color.org)."""


class Screen:
    """That of stdout, and the keyboard of stdin where it is one."""

    def __init__(self) -> None:
        self.keyboard = sys.stdin is not None and sys.stdin.isatty()
        self._before: list[object] | None = None
        self._paint = _PAINT | (_UNCOLOURED if os.environ.get("NO_COLOR") else {})

    @contextmanager
    def taken(self) -> Iterator[None]:
        """For the block; given back however it ends. SIGINT still interrupts."""
        self.take()
        try:
            yield
        finally:
            self.give()

    def take(self) -> None:
        """Keys come one by one, and are not shown."""
        if self.keyboard:
            import termios
            import tty

            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        _write(_TAKE)

    def give(self) -> None:
        """As it was. Idempotent; a terminal that is gone is none to be given back."""
        try:
            _write(_GIVE)
            if self._before is not None:
                import termios

                before, self._before = self._before, None
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)  # type: ignore[arg-type]
        except OSError:
            pass

    @property
    def size(self) -> tuple[int, int]:
        """Its columns and lines now."""
        try:
            found = os.get_terminal_size(sys.stdout.fileno())
        except OSError:
            found = shutil.get_terminal_size()
        return found.columns or 80, found.lines or 24

    def draw(self, page: Page) -> None:
        """All of it. Raises OSError where the terminal is gone."""
        width, _ = self.size
        lines = []
        for text, style in page.lines:
            padded = text.ljust(width) if style is Style.TITLES else text
            lines.append(f"{self._paint[style]}{padded}\x1b[0m\x1b[K")
        _write("\x1b[H" + "\r\n".join(lines) + "\x1b[J")


def _write(text: str) -> None:
    """In one piece, in the terminal's encoding."""
    sys.stdout.flush()
    data = text.encode(sys.stdout.encoding or "utf-8", errors="replace")
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]
