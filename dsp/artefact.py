"""What a receiver makes out of a strong emission: images, harmonics, splatter, lifted noise.

A person who sees them start and stop with something much stronger does not box them; neither do
we.  Ratios follow from what cheap 8-bit receivers do: images at -25 to -40 dB, a converter's own
spurious-free range of about 45 dB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dsp.segment import Segment

TOGETHER_DB = 10.0
"""Starts and stops together with something this much stronger: harmonic, mixing product."""

SKIRT_DB = 18.0
IMAGE_DB = 15.0
RANGE_DB = 42.0

SLACK_S = 3e-3
SKIRT_HZ = 60e3
EDGE_S = 4e-3
COMB_LINES = 3
BLINK_S = 5e-3
BLINK_LINES = 2
COMB_HZ = 15e3
COMB_S = 0.1
COMB_DB = 15.0


@dataclass(frozen=True, slots=True)
class Geometry:
    """Scales of the recording.

    Attributes
    ----------
    sample_rate_hz, bin_width_hz : float
    nfft : int
    begin, end : int
        Samples between which was looked: what starts or stops there need not start or stop.
    """

    sample_rate_hz: float
    bin_width_hz: float
    nfft: int
    begin: int
    end: int


def made_by_another(segment: Segment, others: Iterable[Segment], scale: Geometry) -> bool:
    """Whether something stronger at the same time explains this segment."""
    slack = round(SLACK_S * scale.sample_rate_hz)
    edge = round(EDGE_S * scale.sample_rate_hz)
    for other in others:
        if other is segment or other.top <= segment.top * 10.0 ** (TOGETHER_DB / 10.0):
            continue
        if segment.start < other.start - slack or segment.stop > other.stop + slack:
            continue
        ratio = other.top / segment.top
        at_start = abs(segment.start - other.start) <= slack < segment.start - scale.begin
        at_stop = abs(segment.stop - other.stop) <= slack < scale.end - segment.stop
        if at_start and at_stop and not other.steady:
            return True
        lasting = segment.length >= 0.3 * other.length and segment.steady >= other.steady
        if ratio >= 10.0 ** (IMAGE_DB / 10.0) and lasting and _mirrored(segment, other, scale.nfft):
            return True
        if ratio < 10.0 ** (SKIRT_DB / 10.0):
            continue
        keyed = other.runs > 3 and other.on < 0.9 * other.length and not other.steady
        if keyed or _near(segment, other, scale.bin_width_hz):
            return True
        if segment.length <= edge and (at_start or at_stop):
            return True
        if ratio >= 10.0 ** (RANGE_DB / 10.0) and not other.steady:
            return True
    return False


def _mirrored(segment: Segment, other: Segment, nfft: int) -> bool:
    """Whether it lies at the other's frequency on the other side of 0 Hz (I/Q imbalance)."""
    low, high = nfft - other.high_bin, nfft - other.low_bin
    return segment.low_bin <= high + 2 and segment.high_bin >= low - 2


def _near(segment: Segment, other: Segment, bin_width_hz: float) -> bool:
    """Whether it lies in the skirts of the other."""
    gap = max(segment.low_bin - other.high_bin, other.low_bin - segment.high_bin)
    return gap * bin_width_hz <= SKIRT_HZ + 2.0 * other.width * bin_width_hz


def is_comb(segment: Segment, others: Iterable[Segment], scale: Geometry) -> bool:
    """Whether it is one of several narrow lines that pulse together: a computer or a charger."""
    most = COMB_S * scale.sample_rate_hz
    if segment.width * scale.bin_width_hz > COMB_HZ or segment.length > most:
        return False
    lines = 0
    for other in others:
        if other is segment or other.width * scale.bin_width_hz > COMB_HZ or other.length > most:
            continue
        both = min(segment.stop, other.stop) - max(segment.start, other.start)
        together = both >= 0.6 * min(segment.length, other.length) and (
            max(segment.length, other.length) <= 8 * min(segment.length, other.length)
        )
        lines += together and other.top > segment.top * 10.0 ** (-COMB_DB / 10.0)
    blink = segment.length < BLINK_S * scale.sample_rate_hz
    return lines >= (BLINK_LINES if blink else COMB_LINES)
