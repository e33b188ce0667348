"""The `coroutine` spawner: services live on the tree's home host, or where it has none on the process's default host.

The default host is a thread started on demand, shared by all trees without a home loop, and stopped by the last of
them.
"""

from __future__ import annotations

import threading

from .thread import ThreadHost

_default: ThreadHost | None = None
_users = 0
_lock = threading.Lock()


def take_default() -> ThreadHost:
    """The process's default host, started for its first user. Give it back with `release_default`."""
    global _default, _users
    with _lock:
        if _default is None:
            _default = ThreadHost("ipc-host")
        _users += 1
        return _default


def release_default() -> None:
    """The last user stops it. Blocks until its thread has ended."""
    global _default, _users
    with _lock:
        _users -= 1
        if _users:
            return
        host, _default = _default, None
    if host is not None:
        host.stop()


def forget_default() -> None:
    """In a forked child: the thread of the default host does not exist here."""
    global _default, _users, _lock
    _default, _users, _lock = None, 0, threading.Lock()
