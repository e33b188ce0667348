"""How long to wait before trying again: exponential backoff with jitter.

Each failure in a row doubles the wait up to a bound, and half of it is drawn at random, so that those who failed at the
same moment do not all come back at the same moment ("equal jitter": Brooker, *Exponential Backoff and Jitter*, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits from `first_s` to `most_s`, in seconds."""

    first_s: float
    most_s: float

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not 0 < self.first_s <= self.most_s:
            raise ValueError(f"0 < first_s <= most_s is needed, not {self.first_s} and {self.most_s}")

    def delay_s(self, failures: int, random: float) -> float:
        """The wait after so many failures in a row, 1 or more; `random` is from 0 to below 1."""
        longest = self.most_s
        if failures <= 64:
            longest = min(longest, self.first_s * (1 << max(0, failures - 1)))
        return longest * (0.5 + random / 2)


def fraction(random: bytes) -> float:
    """A number from 0 to below 1 of at least 6 random bytes."""
    return int.from_bytes(random[:6], "big") / (1 << 48)


def jittered_s(period_s: float, random: float, share: float = 0.1) -> float:
    """A period, up to `share` of it shorter or longer; `random` is from 0 to below 1."""
    return period_s * (1 - share + 2 * share * random)
