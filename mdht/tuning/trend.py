"""Whether a number that is sampled all along grows, or only goes up and down. Pure.

The slope is that of Theil and Sen: the median of the slopes between all pairs of samples. Up to 29 % of the samples may
be wild (taken just after a kill, say) without moving it far. H. Theil, A rank-invariant method of linear and polynomial
regression analysis, Proceedings of the KNAW 53 (1950); P. K. Sen, Estimates of the regression coefficient based on
Kendall's tau, Journal of the American Statistical Association 63 (1968).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SAMPLES_MAX: Final = 400
"""Samples that are looked at: of more, as many evenly spread, since all pairs are compared."""


@dataclass(frozen=True, slots=True)
class Trend:
    """`per_hour` is the slope; `growth` what it comes to over the time that was sampled; `level` the median."""

    per_hour: float
    growth: float
    level: float
    samples: int

    def flat(self, slack: float, share: float) -> bool:
        """Whether it grew by no more than `slack`, or that share of its level, whichever is more."""
        return self.growth <= max(slack, share * self.level)


def trend(samples: Sequence[tuple[float, float]]) -> Trend:
    """Of (seconds, value), in the order of time. Fewer than three samples show no growth."""
    if len(samples) > SAMPLES_MAX:
        step = len(samples) / SAMPLES_MAX
        samples = [samples[int(at * step)] for at in range(SAMPLES_MAX)]
    level = statistics.median(value for _, value in samples) if samples else 0.0
    if len(samples) < 3:
        return Trend(0.0, 0.0, level, len(samples))
    slopes = [
        (later - value) / (then_s - now_s)
        for at, (now_s, value) in enumerate(samples)
        for then_s, later in samples[at + 1 :]
        if then_s > now_s
    ]
    slope = statistics.median(slopes)
    return Trend(slope * 3_600, slope * (samples[-1][0] - samples[0][0]), level, len(samples))
