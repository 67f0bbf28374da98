"""What a receiver makes out of a strong emission: images, harmonics, splatter, lifted noise.

A person who sees them start and stop with something much stronger does not box them; neither do
we.  Ratios follow from what cheap 8-bit receivers do: images at -25 to -40 dB, a converter's own
spurious-free range of about 45 dB.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dsp.segment import Segment

LEAST_DB = 5.0
"""Nothing that a receiver makes is nearer to what it made it from."""

TOGETHER_DB = 10.0
"""Starts and stops together with something this much stronger: harmonic, mixing product."""

LEAST_CLIPPED = 2e-3
CLIPPING_DBFS = -6.0
PRODUCT_DB = 4.0
"""What reaches the converter's end stops so often is the cause of products as strong as theory says
and a little stronger: half of a wide emission's power may lie in a few bins."""

OWN_S = 0.03
LONG_S = 0.1
OWN_DUTY = 0.95
"""So long and without a pause holds on what has nothing to do with something stronger; the longer
time where it begins or ends with it."""

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
        if other is segment or other.top <= segment.top * 10.0 ** (LEAST_DB / 10.0):
            continue
        if segment.start < other.start - slack or segment.stop > other.stop + slack:
            continue
        if _clipping_made_it(segment, other):
            return True
        if other.top <= segment.top * 10.0 ** (TOGETHER_DB / 10.0):
            continue
        ratio = other.top / segment.top
        at_start = abs(segment.start - other.start) <= slack < segment.start - scale.begin
        at_stop = abs(segment.stop - other.stop) <= slack < scale.end - segment.stop
        if at_start and at_stop and not other.steady:
            return True
        lasting = segment.length >= 0.3 * other.length and segment.steady >= other.steady
        if ratio >= 10.0 ** (IMAGE_DB / 10.0) and lasting and _mirrored(segment, other, scale.nfft):
            return True
        if ratio < 10.0 ** (SKIRT_DB / 10.0) or _lives_alone(segment, other, slack, scale):
            continue
        keyed = other.runs > 3 and other.on < 0.9 * other.length and not other.steady
        if keyed or _near(segment, other, scale.bin_width_hz):
            return True
        if segment.length <= edge and (at_start or at_stop):
            return True
        if ratio >= 10.0 ** (RANGE_DB / 10.0) and not other.steady:
            return True
    return False


def _lives_alone(segment: Segment, other: Segment, slack: int, scale: Geometry) -> bool:
    """Whether it starts or stops and holds on without regard to the other: no splatter does."""
    apart = sorted((abs(segment.start - other.start), abs(segment.stop - other.stop)))
    least = OWN_S if apart[0] > slack else LONG_S
    long = segment.length >= least * scale.sample_rate_hz
    return apart[1] > slack and long and segment.on >= OWN_DUTY * segment.length


def _clipping_made_it(segment: Segment, other: Segment) -> bool:
    """Whether it is no stronger than the products of the other's clipping."""
    if other.clipped < LEAST_CLIPPED or other.top < 10.0 ** (CLIPPING_DBFS / 10.0):
        return False
    while_on = other.clipped * other.length / max(1, other.on)
    most = third_harmonic(min(while_on, 1.0)) * 10.0 ** (PRODUCT_DB / 10.0)
    return bool(segment.top <= other.top * most)


def third_harmonic(clipped: float) -> float:
    """Third harmonic over fundamental, in power, of a sine clipped for this share of the time.

    From the Fourier series of ``clip(A sin t, -1, 1)``, which reaches its end stops at the angle
    ``asin(1 / A) = (1 - clipped) pi / 2``.

    Examples
    --------
    >>> round(10 * math.log10(third_harmonic(1.0)), 2)
    -9.54
    """
    if clipped >= 1.0:
        return 1.0 / 9.0  # a square wave
    angle = (1.0 - clipped) * math.pi / 2.0
    first = angle + math.sin(angle) * math.cos(angle)
    third = math.sin(2 * angle) / 2.0 - math.sin(4 * angle) / 4.0
    third += 2.0 / 3.0 * math.sin(angle) * math.cos(3 * angle)
    return (third / first) ** 2


def _mirrored(segment: Segment, other: Segment, nfft: int) -> bool:
    """Whether it lies at the other's frequency on the other side of 0 Hz (I/Q imbalance)."""
    low, high = nfft - other.high_bin, nfft - other.low_bin
    return segment.low_bin <= high + 2 and segment.high_bin >= low - 2


def _near(segment: Segment, other: Segment, bin_width_hz: float) -> bool:
    """Whether it lies in the skirts of the other."""
    gap = max(segment.low_bin - other.high_bin, other.low_bin - segment.high_bin)
    return gap * bin_width_hz <= SKIRT_HZ + 2.0 * other.core * bin_width_hz


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
