"""Is a detection a signal on this frequency?  A shifted look and a lower gain tell.

Tune elsewhere and a real signal keeps its radio frequency.  A mirror image moves twice as far as
the receiver did, what the receiver makes itself (DC, clock spurs in the baseband) moves with it.
Lower the gain and a real signal falls by as much; a third-order product of overload falls three
times as much in decibels.
"""

from __future__ import annotations

from typing import Literal

from .noise import across_frequency, segments_of
from .signals import Detection
from .threshold import mean_ratio
from .units import ratio_db
from .values import Dwell

Verdict = Literal["real", "image", "receiver", "unseen"]

SHIFT_HZ = 250e3
"""A usual shift: more than any narrow signal is wide, little enough to stay in the band."""

AGREE_DB = 6.0
"""A place in the shifted look explains the detection if its power agrees to within this."""

GHOST_ORDER = 2.0
"""Falling more than twice the gain step: a product, not a signal (third order: 3)."""

CONFIRM_P = 1e-4
"""False alarm probability of one place; there are only three."""


def confirm(detection: Detection, center_freq_hz: float, shifted: Dwell) -> Verdict:
    """Say what a detection is, from a look at it with another tuned centre.

    Parameters
    ----------
    detection : Detection
    center_freq_hz : float
        Where the receiver was tuned when it was found.
    shifted : Dwell
        Taken soon after at another centre, farther away than the signal is wide.

    Returns
    -------
    {"real", "image", "receiver", "unseen"}
        ``unseen`` where it is at none of the three places: an alias, or a burst that ended.

    Raises
    ------
    ValueError
        The centre was not moved far enough to tell the places apart.
    """
    moved_hz = shifted.center_freq_hz - center_freq_hz
    if abs(moved_hz) < detection.bandwidth_hz + 2 * shifted.rbw_hz:
        raise ValueError(f"{moved_hz=} is less than the signal's {detection.bandwidth_hz=}")
    places: tuple[tuple[Verdict, float], ...] = (
        ("real", 0.0),
        ("image", 2 * moved_hz),
        ("receiver", moved_hz),
    )
    found: list[tuple[float, Verdict]] = []
    for verdict, by_hz in places:
        level_db = level_at(detection, shifted, by_hz)
        if level_db is None:
            continue
        difference_db = abs(level_db - detection.power_dbfs)
        if verdict == "real" and difference_db <= AGREE_DB:
            return "real"
        found.append((difference_db, verdict))
    nearest = min(found, default=(AGREE_DB + 1, "unseen"))
    return nearest[1] if nearest[0] <= AGREE_DB else "unseen"


def level_at(detection: Detection, dwell: Dwell, by_hz: float = 0.0) -> float | None:
    """Power of a signal of this width, ``by_hz`` away from the detection, dBFS; None if not there.

    The look that found the detection is used, so that a burst is not diluted.
    """
    grid = dwell.grid
    half = max(detection.bandwidth_hz / 2, 1.5 * grid.bin_width_hz)
    low_hz, high_hz = (detection.center_freq_hz + by_hz + side * half for side in (-1, 1))
    bins = grid.window(low_hz, high_hz)
    if low_hz < grid.low_hz or high_hz > grid.high_hz or bins.stop <= bins.start:
        return None
    reference = across_frequency(dwell)
    burst = detection.look == "burst"
    power = (dwell.peak if burst else dwell.mean)[bins]
    quiet = (reference.typical_peak if burst else reference.typical_mean)[bins]
    limit = mean_ratio(segments_of(dwell), CONFIRM_P, reference.scans)
    if float((power / quiet).max()) < limit:
        return None
    enbw_bins = dwell.rbw_hz / grid.bin_width_hz
    return ratio_db(float((power - quiet).sum()) / enbw_bins)


def product_order(power_dbfs: float, lowered_dbfs: float, gain_step_db: float) -> float:
    """Decibels that a signal fell per decibel of gain taken away.

    Examples
    --------
    >>> product_order(-40.0, -43.1, 3.0) < GHOST_ORDER < product_order(-40.0, -48.8, 3.0)
    True
    """
    if gain_step_db <= 0:
        raise ValueError(f"{gain_step_db=} is not a lower gain")
    return (power_dbfs - lowered_dbfs) / gain_step_db
