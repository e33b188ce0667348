"""What becomes of an exception that nobody awaits: the exception handler of an event loop, as asyncio documents it."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from typing import Any

ExceptionHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]

_log = logging.getLogger("asyncio")


class HandlingLoop(asyncio.AbstractEventLoop):
    """The base of a loop that hands contexts (`message`, `exception`, `task`, …) to a handler or to the log."""

    _exception_handler: ExceptionHandler | None = None

    def get_exception_handler(self) -> ExceptionHandler | None:
        """The exception handler, or None for the default one."""
        return self._exception_handler

    def set_exception_handler(self, handler: ExceptionHandler | None) -> None:
        """`handler(loop, context)` gets what callbacks raise; None restores the default. TypeError if not callable."""
        if handler is not None and not callable(handler):
            raise TypeError(f"an exception handler must be callable or None, not {handler!r}")
        self._exception_handler = handler

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log the context as an error of the logger `asyncio`, with the traceback of its exception."""
        exception = context.get("exception")
        lines = [str(context.get("message") or "Unhandled exception in event loop")]
        for key in sorted(context.keys() - {"message", "exception"}):
            value = context[key]
            if key in ("source_traceback", "handle_traceback"):
                lines.append(f"{key} (most recent call last):\n{''.join(traceback.format_list(value)).rstrip()}")
            else:
                lines.append(f"{key}: {value!r}")
        _log.error("\n".join(lines), exc_info=exception if isinstance(exception, BaseException) else None)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Hand the context to the exception handler. Raises only the SystemExit and KeyboardInterrupt of a handler."""
        handler = self._exception_handler
        try:
            if handler is None:
                self.default_exception_handler(context)
            else:
                handler(self, context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            _log.error("the exception handler failed while it handled %r", context, exc_info=True)
