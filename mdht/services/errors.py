"""What services tell each other went wrong, besides what `mdht.errors` has for it.

Importing it makes all of those sendable, and the other values of lower floors that services send.
"""

from __future__ import annotations

import inspect

from ipc import sendable

from .. import errors
from ..errors import NotDone
from ..session import errors as session_errors
from ..store import StoreLimits, StoreStats
from ..store import errors as store_errors
from ..transport import errors as transport_errors


class NotLinked(NotDone):
    """There is no link to that peer (a short id) now."""

    def __init__(self, who: str = "") -> None:
        super().__init__(who)
        self.who = who

    def __str__(self) -> str:
        return f"no link to {self.who}: connect first"


class TooBusy(NotDone):
    """As many requests of this node's user wait as may."""

    def __init__(self, limit: int = 0) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.limit} requests wait already: wait for some of them, or raise limits.requests"


def _register() -> None:
    for module, prefix in (
        (errors, "mdht"),
        (session_errors, "mdht.session"),
        (transport_errors, "mdht.transport"),
        (store_errors, "mdht.store"),
    ):
        for name, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, errors.MdhtError) and cls.__module__ == module.__name__:
                sendable(f"{prefix}.{name}")(cls)
    sendable("mdht.store.StoreStats")(StoreStats)
    sendable("mdht.store.StoreLimits")(StoreLimits)
    for cls in (NotLinked, TooBusy):
        sendable(f"mdht.services.{cls.__name__}")(cls)


_register()
