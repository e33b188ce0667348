"""A whole node: put and get signed records in a network of peers.

    with Node(Config(seeds=("5f1c…e0@example.org:7000",))) as node:      # a thread of its own, with an event loop
        done = node.put(b"hello")                                        # content, found by its hash
        node.get(done.key).value
        node.put(b"v1", key=b"config")                                   # ours: newer versions replace older ones
        node.get(b"config", kind=Kind.OWNED).value

    async with Node(config) as node:                                     # on the running loop, no thread between
        await node.aput(b"hello")

Every request comes in three forms: `put` blocks, `put_future` gives a `concurrent.futures.Future`, `aput` is awaited.
Each has a deadline (`timeout` in seconds, else the configuration's), and its error comes where the call was made.
Blocking ones raise `ipc.WouldDeadlock` on the thread of an event loop.

| file | what |
|---|---|
| `node` | `Node`: all groups of requests together |
| `life` | its thread or loop, and the tree of its services, from start to close |
| `asking` | one request in three forms; `blocking`: where it may not block |
| `peers`, `records`, `files` | what is asked: links; puts and gets; shares and fetches |
| `upkeep`, `control`, `numbers` | what is forgotten; what an operator does; what is counted |
"""

from __future__ import annotations

from .node import Node
from .numbers import NodeStats

__all__ = ["Node", "NodeStats"]
