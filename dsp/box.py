"""An ended segment as a box on the waterfall, or none: nobody boxes what may be chance."""

from __future__ import annotations

import math

from dsp.classify import classify
from dsp.floor import Floor
from dsp.known import is_new
from dsp.segment import Band, Segment, occupied_band
from dsp.signals import Emission
from dsp.units import ratio_db
from dsp.values import Real
from dsp.window import Window

MIN_SNR_DB = 3.0
MIN_WORTH_DB = 20.0
PULSE_WORTH_DB = 14.0
"""SNR plus half the time-bandwidth product in dB: what integrating the burst would give."""

NARROW_BINS = 5.5
NARROW_S = 0.05
NARROW_SNR_DB = 20.0
KEYED_HZ = 70.0
"""Weak unmodulated blips are spurs of a computer or charger far more often than transmissions,
unless they are keyed as fast as data is."""


def box(
    segment: Segment,
    floor: Floor,
    window: Window,
    sample_rate_hz: float,
    center_freq_hz: float,
    known: Real | None = None,
) -> Emission | None:
    """Turn the sums into figures; None for what a person would not box.

    Parameters
    ----------
    segment : Segment
    floor : Floor
    window : Window
        With which the sums were made.
    sample_rate_hz, center_freq_hz : float
        Of the recording.
    known : float32, shape (nfft,), optional
        From `dsp.known.known_level`; without it, nothing is said about what is new.
    """
    rate, nfft = sample_rate_hz, window.nfft
    bin_hz = rate / nfft
    band = occupied_band(segment, floor.line, bin_hz)
    seconds = segment.length / rate
    duty = min(1.0, segment.on / max(1, segment.length))
    width = (band.high - band.low) * bin_hz
    middle = ((band.high + band.low) / 2 - 0.5 - nfft / 2) * bin_hz
    noise = _noise(floor, band)
    snr_db = ratio_db(band.signal / max(duty, 0.05) / max(noise, 1e-20))
    if segment.pulse:
        snr_db = ratio_db(segment.top * window.enbw_bins / noise)
    product = max(1.0, segment.on / rate * width)
    worth_db = snr_db + 5.0 * math.log10(product)
    if snr_db < MIN_SNR_DB or worth_db < (PULSE_WORTH_DB if segment.pulse else MIN_WORTH_DB):
        return None
    narrow = min(band.high - band.low, segment.width + 2) < NARROW_BINS
    blip = seconds < NARROW_S or (duty < 0.9 and segment.runs < KEYED_HZ * seconds)
    if narrow and blip and snr_db < NARROW_SNR_DB:
        return None
    label = classify(
        segment.cut,
        bandwidth_hz=width,
        duration_s=seconds,
        duty=duty,
        runs=segment.runs,
        snr_db=snr_db,
        rbw_hz=bin_hz * window.enbw_bins,
        pulse=segment.pulse,
    )
    return Emission(
        start_s=segment.start / rate,
        stop_s=segment.stop / rate,
        center_freq_hz=center_freq_hz + middle,
        bandwidth_hz=width,
        snr_db=snr_db,
        peak_dbfs=ratio_db(segment.peak),
        duty=duty,
        label=label.kind,
        label_confidence=label.confidence,
        new=None if known is None else is_new(segment, band, duty, known),
    )


def _noise(floor: Floor, band: Band) -> float:
    """Receiver noise between two edges, its lines left out."""
    inside = slice(int(band.low), max(int(band.low) + 1, math.ceil(band.high)))
    return float(floor.noise[inside].sum())
