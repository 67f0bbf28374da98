"""From a false-alarm probability to a threshold over the floor, for both looks at a dwell."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from .quadratic import exceedance, k_eff, segment_weights
from .values import WindowName


@dataclass(frozen=True, slots=True)
class Segments:
    """How a dwell's segments were cut: all that the noise statistics depend on.

    Attributes
    ----------
    window : WindowName
    overlap : float
        Share of a segment that the next one sees again.
    num_segments : int
        In the whole dwell.
    num_blocks : int
        Stretches that the peak was taken over.
    """

    window: WindowName
    overlap: float
    num_segments: int
    num_blocks: int

    @property
    def block_segments(self) -> tuple[int, int]:
        """Segments of the shorter stretches, and how many stretches have one more."""
        return divmod(self.num_segments, self.num_blocks)

    @property
    def k_mean(self) -> float:
        """Effective number of averages of the mean look."""
        return k_eff(self.window, self.overlap, self.num_segments)

    @property
    def k_burst(self) -> float:
        """Effective number of averages of one stretch of the burst look."""
        return k_eff(self.window, self.overlap, max(1, self.block_segments[0]))


def mean_p_fa(segments: Segments, ratio: float, scans: float = math.inf) -> float:
    """Probability that the mean look exceeds ``ratio`` times a floor learnt in ``scans`` dwells."""
    weights = segment_weights(segments.window, segments.overlap, segments.num_segments)
    return exceedance(weights, ratio, weights if math.isfinite(scans) else None, scans)


def burst_p_fa(segments: Segments, ratio: float, scans: float = math.inf) -> float:
    """Probability that the largest stretch exceeds ``ratio`` times the mean look's floor.

    Stretches are taken as independent; neighbours share half a segment, which lowers the
    probability by less than a per cent.
    """
    survey = None
    if math.isfinite(scans):
        survey = segment_weights(segments.window, segments.overlap, segments.num_segments)
    short, longer = segments.block_segments
    log_quiet = 0.0
    for count, stretches in ((short, segments.num_blocks - longer), (short + 1, longer)):
        if stretches:
            weights = segment_weights(segments.window, segments.overlap, count)
            single = exceedance(weights, ratio, survey, scans)
            log_quiet += stretches * math.log1p(-min(single, 1 - 1e-16))
    return -math.expm1(log_quiet)


def worth(scans: float) -> float:
    """Scans to two digits, rounded down: hops of one survey then share their thresholds.

    Examples
    --------
    >>> worth(1807.0), worth(34.0), worth(math.inf)
    (1800.0, 34.0, inf)
    """
    if not math.isfinite(scans) or scans < 100:
        return scans
    step = 10.0 ** (math.floor(math.log10(scans)) - 1)
    return math.floor(scans / step) * step


@lru_cache(maxsize=4096)
def mean_ratio(segments: Segments, p_fa: float, scans: float = math.inf) -> float:
    """Threshold of the mean look over the floor, linear.

    Raises
    ------
    ValueError
        ``p_fa`` outside (1e-15, 0.5).

    Examples
    --------
    >>> from dsp.units import ratio_db
    >>> round(ratio_db(mean_ratio(Segments("hann", 0.5, 186, 8), 1e-9)), 2)
    1.83
    """
    return _invert(lambda ratio: mean_p_fa(segments, ratio, scans), p_fa)


@lru_cache(maxsize=4096)
def burst_ratio(segments: Segments, p_fa: float, scans: float = math.inf) -> float:
    """Threshold of the burst look over the mean look's floor, linear; see `mean_ratio`."""
    return _invert(lambda ratio: burst_p_fa(segments, ratio, scans), p_fa)


def _invert(probability: Callable[[float], float], p_fa: float) -> float:
    """Ratio at which a falling probability reaches ``p_fa``: regula falsi on its logarithm."""
    if not 1e-15 < p_fa < 0.5:
        raise ValueError(f"{p_fa=} is not in (1e-15, 0.5)")
    low, high = 1.0, 2.0
    while probability(high) > p_fa:
        low, high = high, high * 2
    target = math.log(p_fa)
    at_low, at_high = math.log(probability(low)) - target, math.log(probability(high)) - target
    for _ in range(60):
        ratio = high - at_high * (high - low) / (at_high - at_low)
        value = math.log(probability(ratio)) - target
        if abs(value) < 1e-9:
            return ratio
        if value > 0:
            low, at_low = ratio, value
            at_high /= 2  # Illinois: keeps the other end from sticking
        else:
            high, at_high = ratio, value
            at_low /= 2
    return high
