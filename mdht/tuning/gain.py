"""Whether one placement is better than another, or it was noise. Pure.

Both are measured in turns, one right after the other, so that a slow minute of the machine falls on both; only the
ratio of each pair counts. Of the logarithms of those ratios the Hodges–Lehmann estimate is taken (the median of the
means of all pairs of them), and the interval of the Wilcoxon signed-rank test around it: no form of the noise is
assumed but that it falls on either side alike, and a single wild turn moves neither far.

F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1 (1945); J. L. Hodges and E. L. Lehmann,
Estimates of location based on rank tests, Annals of Mathematical Statistics 34 (1963). The signed-rank distribution is
counted out, not approximated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CONFIDENCE: Final = 0.9
"""Of intervals. Five pairs are the fewest that can reach it: all of them on one side happen by chance in 1 of 16."""

LEAST_PAIRS: Final = 5

LEAST_GAIN: Final = 0.03
"""Smaller gains are not worth a process: what they bring, the next version or the next load takes."""

HARMLESS: Final = 0.97
"""A change is that where it is at least so many times as good, by the estimate."""

MUCH: Final = 1.1
"""A gain that a noisy machine must not hide."""

HOPELESS_PAIRS: Final = 7
"""Pairs after which one that is no better by the estimate is given up, and after twice as many one that is not better
by enough: time is worth more to the next move.
"""


@dataclass(frozen=True, slots=True)
class Gain:
    """How many times better: 1.1 is ten per cent more. `low` to `high` is the interval, without end for few pairs."""

    ratio: float
    low: float
    high: float
    pairs: int

    @property
    def better(self) -> bool:
        """Beyond the noise, and by enough to matter."""
        return self.low > 1.0 and self.ratio >= 1.0 + LEAST_GAIN

    @property
    def no_worse(self) -> bool:
        """At least as good, by the estimate."""
        return self.ratio >= 1.0

    @property
    def undecided(self) -> bool:
        """Whether it may be better by enough, and may be not."""
        return not self.better and self.high >= 1.0 + LEAST_GAIN

    @property
    def settled(self) -> bool:
        """Whether more pairs would hardly change the answer: it is better, or cannot be by enough."""
        return self.pairs >= LEAST_PAIRS and not self.undecided

    @property
    def promising(self) -> bool:
        """Undecided, and better by the estimate, or much better within the noise: worth the time that is left."""
        return self.undecided and (self.ratio >= 1.0 + LEAST_GAIN or (self.ratio >= HARMLESS and self.high >= MUCH))

    @property
    def hopeless(self) -> bool:
        """Whether it is not worth more pairs, though these cannot tell for certain."""
        if self.pairs >= 2 * HOPELESS_PAIRS:
            return self.ratio < 1.0 + LEAST_GAIN
        return self.pairs >= HOPELESS_PAIRS and self.ratio <= 1.0

    @property
    def verdict(self) -> str:
        """What the pairs say, for people."""
        if self.better:
            return "helps"
        if not self.undecided:
            return "does not help"
        return "too few turns to tell" if self.pairs < LEAST_PAIRS else "undecided: the noise is larger than the gain"

    def __str__(self) -> str:
        around = f" [{_percent(self.low)}, {_percent(self.high)}]" if math.isfinite(self.high) else ""
        return f"{_percent(self.ratio)}{around}"


def gain_of(pairs: Sequence[tuple[float, float]], *, less: bool = False) -> Gain:
    """Of (before, after) of each turn, both above 0. `less`: smaller is better, as of times.

    Raises ValueError without pairs, or where a value is not above 0.
    """
    if not pairs or any(not (before > 0 and after > 0) for before, after in pairs):
        raise ValueError("a gain needs pairs of numbers above 0")
    sign = -1.0 if less else 1.0
    logs = [sign * math.log(after / before) for before, after in pairs]
    means = walsh_averages(logs)
    middle = math.exp(median(means))
    cut = rank_cut(len(logs), CONFIDENCE)
    if cut is None:
        return Gain(middle, 0.0, math.inf, len(pairs))
    return Gain(middle, math.exp(means[cut]), math.exp(means[-1 - cut]), len(pairs))


def walsh_averages(values: Sequence[float]) -> list[float]:
    """The means of all pairs, each value with itself too, in rising order."""
    return sorted((one + other) / 2 for at, one in enumerate(values) for other in values[at:])


def rank_cut(count: int, confidence: float) -> int | None:
    """How many of the smallest averages, and of the largest, lie outside the interval; None: too few values for it.

    The chance that the signed-rank sum of `count` values is k or less is that of the sums of subsets of 1…count.
    """
    ways = [1]
    for rank in range(1, count + 1):
        shifted = [0] * rank + ways
        ways = [one + other for one, other in zip(ways + [0] * rank, shifted, strict=True)]
    tail, total = 0, 2**count
    cut: int | None = None
    for at, number in enumerate(ways):
        tail += number
        if 2 * tail > (1 - confidence) * total + 1e-9:
            break
        cut = at
    return cut


def median(values: Sequence[float]) -> float:
    """Of sorted values; of an even number the mean of the middle two."""
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _percent(ratio: float) -> str:
    return f"{(ratio - 1) * 100:+.1f} %"
