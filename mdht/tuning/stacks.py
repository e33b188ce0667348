"""Samples of stacks, as samplers write them (`outer;inner;innermost count` a line), and where the time went. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_SERVICE: Final = re.compile(r"mdht[/.]services[/.](\w+?)(?:\.py)?\b")


@dataclass(frozen=True, slots=True)
class Place:
    """One function. Shares are of all samples, 0 to 1."""

    name: str
    self_share: float
    """In itself."""
    total_share: float
    """In itself and in what it called."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the time of one process went."""

    samples: int
    places: tuple[Place, ...]
    """The most time in itself first."""
    modules: tuple[tuple[str, float], ...]
    """Files of `mdht.services`, each with the share of samples whose innermost service frame is there."""


def profile_of(lines: Iterable[str]) -> Profile:
    """From folded stacks; lines that are none are left out."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    samples = 0
    for line in lines:
        text, _, number = line.rstrip("\n").rpartition(" ")
        if not text or not number.isdigit():
            continue
        frames, count = text.split(";"), int(number)
        samples += count
        own[frames[-1]] += count
        for frame in set(frames):
            whole[frame] += count
        modules[_service_in(frames)] += count
    total = max(1, samples)
    places = [Place(name, own[name] / total, whole[name] / total) for name in whole]
    places.sort(key=lambda one: (-one.self_share, -one.total_share, one.name))
    shares = sorted(((name, count / total) for name, count in modules.items()), key=lambda one: (one[0] == "", -one[1]))
    return Profile(samples, tuple(places), tuple((name or "(the event loop, and others)", one) for name, one in shares))


def _service_in(frames: list[str]) -> str:
    for frame in reversed(frames):
        if found := _SERVICE.search(frame):
            return found[1]
    return ""
