"""Is it really on that frequency?  A second look with the oscillator moved, or with less gain.

A real signal keeps its radio frequency when the oscillator moves by d.  What the receiver makes
itself does not: a line of its own (the DC spike, a baseband spur) moves with the oscillator, by d,
and an image, which is the mirror of a signal on the other side of the oscillator, by 2 d.  Products
of overload are told by the gain: third-order products fall three times as much, in decibels, as
the gain does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .plan import Hop
from .units import db
from .values import Detection, Dwell, Grid

Verdict = Literal["real", "ghost", "ended"]
"""``ended``: seen nowhere in the second look, so the transmission was over."""

SHIFT_HZ = 250e3
REACH = 0.48
"""Of the sample rate: how far from the oscillator a bin may lie to be trusted in a second look."""

PRODUCT_ORDER = 2.0
"""A fall of more than so many times the gain step is a product's; a signal's is 1, theirs is 3."""

SLACK_DB = 1.5


def shift_for(detection: Detection, hop: Hop, sample_rate_hz: float) -> float:
    """Return how far to move the oscillator: signal and image must both stay inside the band."""
    offset_hz = abs(detection.center_freq_hz - hop.center_freq_hz)
    room_hz = REACH * sample_rate_hz - offset_hz - detection.bandwidth_hz / 2
    return max(min(SHIFT_HZ, room_hz), 16 * hop.grid.bin_width_hz)


def shifted_hop(hop: Hop, shift_hz: float, sample_rate_hz: float) -> Hop:
    """Make a hop tuned ``shift_hz`` higher that sees all it can of the whole sampled band.

    Its grid keeps the raster of the original one, so that bins can be compared one to one.
    """
    width = hop.grid.bin_width_hz
    center = hop.center_freq_hz + round(shift_hz / width) * width
    reach = int(REACH * sample_rate_hz / width)
    first = hop.grid.index(center) - reach
    grid = Grid(hop.grid.start_hz + first * width, width, 2 * reach + 1)
    return Hop(hop.index, center, grid, hop.band)


def confirm_shifted(
    detection: Detection,
    first: Sequence[Detection],
    second: Sequence[Detection],
    shift_hz: float,
) -> Verdict:
    """Judge one detection by a second look with the oscillator ``shift_hz`` higher.

    Parameters
    ----------
    detection : Detection
        One of ``first``.
    first, second : sequence of Detection
        Everything found in either look.
    shift_hz : float
        What the oscillator really moved by.
    """
    if _at(second, detection, 0.0):
        return "real"
    for moved_hz in (shift_hz, 2 * shift_hz):
        # What stood there before is another signal and says nothing about this one.
        if _at(second, detection, moved_hz) and not _at(first, detection, moved_hz):
            return "ghost"
    return "ended"


def confirm_gain(detection: Detection, second: Dwell, gain_fall_db: float) -> Verdict:
    """Judge a detection of an overloaded dwell by a second one with less gain.

    Parameters
    ----------
    detection : Detection
    second : Dwell
        On the same hop.
    gain_fall_db : float
        By how much the gain was lowered, positive.
    """
    bins = second.grid.window(detection.low_hz, detection.high_hz)
    if bins.start == bins.stop:
        return "ended"
    fall_db = detection.peak_dbfs - float(db(second.peak[bins].max()))
    return "ghost" if fall_db > PRODUCT_ORDER * gain_fall_db + SLACK_DB else "real"


def _at(found: Sequence[Detection], wanted: Detection, moved_hz: float) -> bool:
    """Whether something was found where ``wanted`` would be after moving."""
    low, high = wanted.low_hz + moved_hz, wanted.high_hz + moved_hz
    return any(one.low_hz <= high and one.high_hz >= low for one in found)
