"""Placements: `spawner[:count][@group][+channel]`, the one word that says where a service runs and how it is reached.

    inline              in the sender's own call
    coroutine+deque     on the tree's home host
    thread:4+zmq        four shards, each in a thread, over ZeroMQ (inproc)
    process:4@links     one of four processes that the members of `links` share

Reading a placement is pure: nothing is started, and everything illegal is refused here with what would be legal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import PlacementError

LEGAL: dict[str, tuple[str, ...]] = {
    "inline": ("none", "deque", "queue"),
    "coroutine": ("deque", "queue", "zmq"),
    "thread": ("queue", "pipe", "zmq"),
    "process": ("pipe", "zmq"),
}
"""Each spawner's legal channels, the fastest first: the one taken where a placement names none."""

MAX_COUNT = 1024
"""Most shards or hosts in one placement: more processes than any machine has cores, fewer than it has descriptors."""

_FORM = re.compile(
    r"(?P<spawner>[a-z_][a-z0-9_]*)(:(?P<count>[0-9]{1,6}))?(@(?P<group>[A-Za-z0-9_.-]{1,64}))?(\+(?P<channel>[a-z_][a-z0-9_]*))?"
)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a service runs and over what it is reached. Make one with `Placement.parse`."""

    spawner: str
    count: int = 1
    group: str | None = None
    channel: str = ""

    @classmethod
    def parse(cls, text: str | Placement) -> Placement:
        """Read a placement; a missing channel becomes the fastest legal one.

        Raises `PlacementError`, which names the legal choices, for anything unknown or illegal.
        """
        if isinstance(text, Placement):
            return text
        if not isinstance(text, str) or (match := _FORM.fullmatch(text)) is None:
            raise PlacementError(str(text), "not of the form spawner[:count][@group][+channel]", all_pairs())
        spawner, group = match["spawner"], match["group"]
        if spawner not in LEGAL:
            raise PlacementError(text, f"no spawner {spawner!r}", all_pairs())
        channels = LEGAL[spawner]
        channel = match["channel"] or channels[0]
        if channel not in channels:
            known = any(channel in others for others in LEGAL.values())
            reason = f"{spawner} cannot be reached over {channel!r}" if known else f"no channel {channel!r}"
            raise PlacementError(text, reason, [f"{spawner}+{name}" for name in channels])
        count = int(match["count"] or 1)
        if not 1 <= count <= MAX_COUNT:
            raise PlacementError(text, f"count must be 1 to {MAX_COUNT}", [f"{spawner}:2+{channel}"])
        if group is not None and spawner in ("inline", "coroutine"):
            reason = f"{spawner} has no hosts of its own to share"
            raise PlacementError(text, reason, [f"thread:{count}@{group}", f"process:{count}@{group}"])
        return cls(spawner, count, group, channel)

    def __str__(self) -> str:
        count = f":{self.count}" if self.count != 1 else ""
        group = f"@{self.group}" if self.group else ""
        return f"{self.spawner}{count}{group}+{self.channel}"


def all_pairs() -> list[str]:
    """Every legal pair, as text, in the order of `LEGAL`."""
    return [f"{spawner}+{channel}" for spawner, channels in LEGAL.items() for channel in channels]
