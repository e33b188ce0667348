"""Whom to dial to be part of the network, and when again: seeds for ever, remembered peers while nobody is linked.

All are dialled at once at the beginning, a few remembered ones at a time. A seed that fails is tried again with growing
pauses, never given up: it may be the only way back together of a network that was cut in two. One that was linked, and
is not any more, is looked for seldom: it had its reasons. Remembered peers are tried in order while fewer than `ENOUGH`
peers are linked, each once a round; the next round begins when nobody at all is linked.

Pure: `due` says whom to dial, `ended` is told what came of it. Entries are named by their place in the lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from .backoff import Backoff

Entry = TypeVar("Entry")

SEED_BACKOFF: Final = Backoff(2.0, 300.0)
"""Seconds between dials of a seed that fails: soon after a restart of both, and every five minutes for ever."""

SEED_AGAIN_S: Final = 3_600.0
"""Seconds before a seed that was linked once is looked for again: by then it has room, or a cut network is whole."""

ENOUGH: Final = 8
"""Linked peers at which remembered ones are not needed any more: a lookup finds the others."""

AT_ONCE: Final = 8
"""Remembered peers that are dialled at a time: so many that one is there, so few that a start makes no burst."""


@dataclass(slots=True)
class _Place(Generic[Entry]):
    entry: Entry
    due_s: float
    failures: int = 0
    dialling: bool = False
    tried: bool = False


class Bootstrap(Generic[Entry]):
    """`seeds` and `remembered` are whatever the caller dials, the best first."""

    def __init__(self, seeds: list[Entry], remembered: list[Entry], now_s: float) -> None:
        self._seeds = [_Place(seed, now_s) for seed in seeds]
        self._remembered = [_Place(peer, now_s) for peer in remembered]

    def due(self, now_s: float, linked: int, here: Callable[[Entry], bool]) -> list[tuple[int, Entry]]:
        """Whom to dial now, each with the number to give to `ended`. `here` tells whether an entry is linked."""
        found: list[tuple[int, Entry]] = []
        for at, seed in enumerate(self._seeds):
            if seed.dialling:
                continue
            if here(seed.entry):
                seed.failures, seed.due_s = 0, now_s + SEED_AGAIN_S
            elif now_s >= seed.due_s or (not linked and not seed.failures):
                seed.dialling = True
                found.append((at, seed.entry))
        if linked < ENOUGH:
            found += self._of_memory(linked, here)
        return found

    def ended(self, number: int, linked: bool, now_s: float, random: float) -> None:
        """The dial of that number led to a link, or did not. `random` is from 0 to below 1."""
        if number >= len(self._seeds):
            self._remembered[number - len(self._seeds)].dialling = False
            return
        seed = self._seeds[number]
        seed.dialling = False
        if linked:
            seed.failures, seed.due_s = 0, now_s + SEED_AGAIN_S
        else:
            seed.failures += 1
            seed.due_s = now_s + SEED_BACKOFF.delay_s(seed.failures, random)

    def next_s(self) -> float | None:
        """When the next seed is due; None: there is none that is not being dialled."""
        return min((seed.due_s for seed in self._seeds if not seed.dialling), default=None)

    @property
    def dialling(self) -> int:
        """How many are being dialled now."""
        return sum(place.dialling for place in (*self._seeds, *self._remembered))

    def _of_memory(self, linked: int, here: Callable[[Entry], bool]) -> list[tuple[int, Entry]]:
        places = self._remembered
        if not linked and places and all(place.tried and not place.dialling for place in places):
            for place in places:
                place.tried = False
        busy = sum(place.dialling for place in places)
        found: list[tuple[int, Entry]] = []
        for at, place in enumerate(places):
            if busy + len(found) >= AT_ONCE:
                break
            if not place.tried:
                place.tried = True
                if not here(place.entry):
                    place.dialling = True
                    found.append((len(self._seeds) + at, place.entry))
        return found
