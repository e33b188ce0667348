"""Which moves a node is put through: seeded, each to another place than where the service is."""

from __future__ import annotations

import random
from collections.abc import Iterator

WHERE: dict[str, tuple[str, ...]] = {
    "api": ("inline", "thread", "process", "process+zmq", "coroutine"),
    "store": ("inline", "thread", "process", "process+zmq"),
    "published": ("inline", "thread", "process"),
    "upkeep": ("inline", "thread", "process"),
    "files": ("inline", "thread", "process"),
    "local": ("inline", "thread", "process"),
    "links": ("inline", "coroutine", "thread", "process"),
    "peers": ("inline", "thread"),
}
"""Places of services of which there is one."""

SCALED: dict[str, tuple[str, ...]] = {
    **{name: WHERE[name] for name in ("api", "store", "published", "upkeep", "files", "peers")},
    "links": ("process:2@links", "thread:2@threads", "process:3@links", "process@links", "inline"),
    "listener": ("inline", "thread"),
}
"""The same where links live in several places, and `local` beside them: more of them, fewer, and one."""


def route(where: dict[str, tuple[str, ...]], seed: int) -> Iterator[tuple[str, str]]:
    """Services and placements, without end: every service in each round, in a random order."""
    dice = random.Random(seed)
    at = {name: places[0] for name, places in where.items()}
    while True:
        for name in dice.sample(sorted(where), len(where)):
            at[name] = dice.choice([place for place in where[name] if place != at[name]])
            yield name, at[name]
