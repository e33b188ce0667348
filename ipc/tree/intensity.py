"""How often something may die before a tree gives up (the restart intensity of Erlang/OTP's supervisors).

It is counted by place: a process, whatever lives in it, or one shard of a service that ended by itself. So one death
counts once however many services were in it, many processes that die together count once each, and a tree of many
processes is allowed as many deaths each as a tree of one. What heals is told from what does not by one place that dies
again and again.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

_REASONS = 3
"""Different reasons that are told when a tree gives up; each death was logged with its own."""


@dataclass(slots=True)
class Deaths:
    """Of one place, those within the window: when (seconds of the monotonic clock), and why."""

    times: deque[tuple[float, str]] = field(default_factory=deque)

    def forget(self, before: float) -> bool:
        """Forget what is older; whether nothing is left."""
        while self.times and self.times[0][0] < before:
            self.times.popleft()
        return not self.times

    @property
    def reasons(self) -> str:
        """The latest reasons, the last one first, each with how often it was."""
        counted = Counter(why for _, why in self.times)
        told = dict.fromkeys(why for _, why in reversed(self.times))
        return "; ".join(why if counted[why] == 1 else f"{why} ({counted[why]} times)" for why in list(told)[:_REASONS])


@dataclass(slots=True)
class Intensity:
    """At most `most` deaths of one place in `window_s` seconds. It keeps no more than the deaths of that time."""

    most: int
    window_s: float
    places: dict[str, Deaths] = field(default_factory=dict)

    def exceeded(self, place: str, reason: str, now: float) -> bool:
        """Count a death; whether it is one too many there."""
        self.places.setdefault(place, Deaths()).times.append((now, reason))
        for known, deaths in list(self.places.items()):
            if deaths.forget(now - self.window_s):
                del self.places[known]
        return len(self.places[place].times) > self.most

    def told(self, place: str) -> str:
        """What happened there, and what to do, for who waits for the tree."""
        return (
            f"{place} died more than {self.most} times within {self.window_s:g} s, and the tree is stopped. Why, the "
            f"last first: {self.places[place].reasons}. The log has each death; see to what kills it (a fault in its "
            "code, what it opens at its start, memory that ran out), then start the program again"
        )
