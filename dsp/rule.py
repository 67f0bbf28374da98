"""How sure a detection must be: wanted false alarms per exam to thresholds in every bin."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from .noise import segments_of
from .threshold import Segments, burst_ratio, mean_ratio, worth
from .units import from_db
from .values import Dwell, Real, Reference

LOOKS = 2
"""Each bin is tested twice in every dwell: mean and burst."""

GROW_P = 1e-3
"""Without a guard, a signal is followed outwards down to what noise reaches this often."""


STANDS_OUT = np.float32(4.0)
"""A bin 6 dB over its neighbour's typical level holds a carrier, not noise."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a bin counts as occupied.

    Attributes
    ----------
    p_fa : float
        False alarm probability of one bin in one look at noise alone.
    on_db : float
        Least excess over the bin's typical level (ITU-R SM.1880 asks for 3 to 5 dB); 0 leaves the
        decision to ``p_fa``.
    off_db : float
        An emission found reaches out to bins over this, and a followed one lasts while over it.
    traffic_margin_db : float
        Over the bin's known traffic.
    drift_bins : int
        Known traffic and steady carriers also excuse bins up to this far away: crystals drift.
    """

    p_fa: float = 1e-9
    on_db: float = 6.0
    off_db: float = 3.0
    traffic_margin_db: float = 3.0
    drift_bins: int = 1

    def __post_init__(self) -> None:
        if not 1e-15 < self.p_fa < 0.5:
            raise ValueError(f"{self.p_fa=} is not in (1e-15, 0.5)")
        if not 0 <= self.off_db <= self.on_db:
            raise ValueError(f"{self.off_db=} is not between 0 and {self.on_db=}")

    @classmethod
    def for_exam(
        cls, false_alarms: float, *, bins: int, dwells: float, rule: Rule | None = None
    ) -> Rule:
        """Rule with so many expected false alarms from noise in a whole exam.

        Parameters
        ----------
        false_alarms : float
            For example 0.01.
        bins : int
            Bins of all hops together.
        dwells : float
            Visits of each hop during the exam.
        rule : Rule, optional
            The other settings.

        Examples
        --------
        >>> f"{Rule.for_exam(0.01, bins=112_640, dwells=10_800).p_fa:.1e}"
        '4.1e-12'
        """
        p_fa = false_alarms / (LOOKS * bins * dwells)
        return replace(rule or cls(), p_fa=min(max(p_fa, 1.1e-15), 0.49))


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """Powers that a look must exceed, float32, shape (n_bins,); infinite where masked."""

    mean_on: Real
    mean_off: Real
    burst_on: Real
    burst_off: Real


def thresholds(dwell: Dwell, reference: Reference, rule: Rule) -> Thresholds:
    """Thresholds of one dwell: the largest of noise, guard and known traffic in each bin.

    The noise part follows from the segments that the dwell really has (a short or gapped one is
    judged by its own K_eff) and from how well the floor is known.
    """
    return _thresholds(segments_of(dwell), reference, rule)


@lru_cache(maxsize=256)
def _thresholds(segments: Segments, reference: Reference, rule: Rule) -> Thresholds:
    """Compute once per reference: a hop is compared with the same one in every sweep."""
    scans = worth(reference.scans)
    on, off = float(from_db(rule.on_db)), float(from_db(rule.off_db))
    margin = np.float32(from_db(rule.traffic_margin_db))
    inner = np.float32(from_db(rule.traffic_margin_db / 2))
    grow_p = max(GROW_P, rule.p_fa)
    result = []
    for ratio, typical, known in (
        (mean_ratio, reference.typical_mean, reference.traffic_mean),
        (burst_ratio, reference.typical_peak, reference.traffic_peak),
    ):
        # A steady carrier is typical in its own bins and, after a drift, in the next ones.
        near = _spread(typical, rule.drift_bins)
        steady = np.where(near > STANDS_OUT * typical, near, np.float32(0))
        traffic = np.maximum(_spread(known, rule.drift_bins), steady)
        noise_on = np.float32(ratio(segments, rule.p_fa, scans))
        noise_off = np.float32(ratio(segments, grow_p, scans))
        upper = np.maximum(reference.floor * noise_on, traffic * margin)
        lower = np.maximum(reference.floor * noise_off, traffic * inner)
        if on > 1:
            upper = np.maximum(upper, typical * np.float32(on))
            lower = np.maximum(lower, typical * np.float32(off))
        if reference.masked.any():
            upper = np.where(reference.masked, np.float32(math.inf), upper)
            lower = np.where(reference.masked, np.float32(math.inf), lower)
        result += [upper, np.minimum(lower, upper)]
    return Thresholds(*result)


def _spread(levels: Real, bins: int) -> Real:
    """Largest level within ``bins`` bins on either side."""
    spread = levels
    for shift in range(1, bins + 1):
        spread = spread.copy() if spread is levels else spread
        np.maximum(spread[shift:], levels[:-shift], out=spread[shift:])
        np.maximum(spread[:-shift], levels[shift:], out=spread[:-shift])
    return spread
