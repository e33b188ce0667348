"""A running node, reached from another program of its user by the socket in its data directory.

    from mdht.remote import RemoteNode

    with RemoteNode("/var/lib/mdht") as node:
        done = node.put(b"hello")
        node.get(done.key).value

| file | what |
|---|---|
| `node` | `RemoteNode`: the methods of `mdht.Node` |
| `records`, `files` | its puts and gets; its shares and fetches |
| `connection` | one connection, blocking |
| `aio` | one connection on an event loop |
| `control` | what an operator does to it |
| `asking` | how all of these ask; `requests`: what they ask, and how answers are read |
| `pool` | the blocking connections of one `RemoteNode` |
| `results` | answers and errors as their own types |

Importing it imports none of the services, so a program that asks one thing starts fast.
"""

from __future__ import annotations

from .connection import Connection
from .node import RemoteNode

__all__ = ["Connection", "RemoteNode"]
