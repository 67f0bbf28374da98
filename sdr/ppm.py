"""Error of a dongle's crystal from broadcasting stations: their carriers and their 19 kHz pilots.

One crystal drives tuner and sampler.  If it runs fast by p, a carrier at f is found p f too low,
and a tone is found p too low because the samples are taken too often.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from dsp.iq import to_complex
from dsp.values import IQBlock

PILOT_HZ = 19_000.0
PILOT_SPAN_HZ = 19_000.0 * 250e-6 + 2.0
"""Where the pilot is looked for: 250 ppm and the 2 Hz that the standard allows."""

PILOT_DB = 12.0
CARRIER_SPAN_HZ = 40e3
"""Half the smallest distance of stations; also 400 ppm at 100 MHz."""

CARRIER_SIGMA_PPM = 5.0
PILOT_SIGMA_PPM = 3.0
"""What a single station may be wrong by itself (transmitters are allowed 20 ppm of the carrier and
100 ppm of the pilot; most keep 1): counted once where stations cannot be compared."""


@dataclass(frozen=True, slots=True)
class StationError:
    """What one station says about the crystal.

    Attributes
    ----------
    freq_hz : float
        Where the station should be.
    carrier_ppm : float
        From its mean frequency; NaN where it lies far off, so that it is another station.
    pilot_ppm : float
        From its pilot; NaN where none was heard.
    """

    freq_hz: float
    carrier_ppm: float
    pilot_ppm: float


@dataclass(frozen=True, slots=True)
class CrystalError:
    """Error of the crystal.

    Attributes
    ----------
    ppm : float
        Positive: runs fast; this is also the correction to configure.
    sigma_ppm : float
        Standard uncertainty.
    carriers, pilots : int
        How many of each contributed.
    """

    ppm: float
    sigma_ppm: float
    carriers: int
    pilots: int


def station_error(block: IQBlock, freq_hz: float) -> StationError:
    """Compare a station with what it should be.

    Parameters
    ----------
    block : IQBlock
        About a second, with the station inside the band, away from the centre.
    freq_hz : float
        Nominal carrier.
    """
    samples = to_complex(block.raw, block.sample_format)
    factor = max(1, int(block.sample_rate_hz // 240e3))
    rate_hz = block.sample_rate_hz / factor
    turns = np.arange(samples.shape[0]) * ((block.center_freq_hz - freq_hz) / block.sample_rate_hz)
    mixed = samples * np.exp(2j * np.pi * (turns - np.rint(turns))).astype(np.complex64)
    taps = signal.firwin(16 * factor + 1, 0.8 / factor).astype(np.float32)
    baseband = signal.upfirdn(taps, mixed, down=factor)
    turned = np.angle(baseband[1:] * np.conj(baseband[:-1])).astype(np.float64)
    message_hz = turned * rate_hz / (2 * np.pi)
    # Speech and music leave no mean; the Hann weight keeps a cut-off bass note from making one.
    weights = np.hanning(message_hz.shape[0])
    offset_hz = float(message_hz @ weights / weights.sum())
    carrier_ppm = -offset_hz / freq_hz * 1e6
    pilot_hz = _pilot_hz(message_hz, rate_hz)
    return StationError(
        freq_hz=freq_hz,
        carrier_ppm=carrier_ppm if abs(offset_hz) < CARRIER_SPAN_HZ else math.nan,
        pilot_ppm=(PILOT_HZ / pilot_hz - 1) * 1e6,
    )


def _pilot_hz(message_hz: npt.NDArray[np.float64], rate_hz: float) -> float:
    """Frequency of the pilot in a demodulated message; NaN where there is none."""
    size = message_hz.shape[0]
    spectrum = np.abs(np.fft.rfft((message_hz - message_hz.mean()) * np.hanning(size)))
    width_hz = rate_hz / size
    low = int((PILOT_HZ - PILOT_SPAN_HZ) / width_hz)
    high = math.ceil((PILOT_HZ + PILOT_SPAN_HZ) / width_hz) + 1
    top = low + int(spectrum[low:high].argmax())
    around = spectrum[low - 40 : high + 40]
    if spectrum[top] < 10 ** (PILOT_DB / 20) * np.median(around):
        return math.nan
    # Under a Hann window the larger neighbour tells the fraction of a bin exactly.
    left, right = spectrum[top - 1], spectrum[top + 1]
    ratio = max(left, right) / spectrum[top]
    fraction = (2 * ratio - 1) / (ratio + 1)
    return float((top + (fraction if right > left else -fraction)) * width_hz)


def combine(stations: Sequence[StationError]) -> CrystalError | None:
    """Best estimate from all stations; None where none says anything.

    Medians, so that one station on a wrong raster or with a bad transmitter does not count; the
    two kinds weighted with what their own scatter says.
    """
    parts = []
    counts = []
    for values, sigma in (
        ([s.carrier_ppm for s in stations], CARRIER_SIGMA_PPM),
        ([s.pilot_ppm for s in stations], PILOT_SIGMA_PPM),
    ):
        known = np.array([v for v in values if not math.isnan(v)])
        counts.append(known.shape[0])
        if not known.shape[0]:
            continue
        middle = float(np.median(known))
        if known.shape[0] >= 3:
            scatter = 1.4826 * float(np.median(np.abs(known - middle)))
            sigma = max(1.25 * scatter / math.sqrt(known.shape[0]), sigma / 10)
        parts.append((middle, sigma))
    if not parts:
        return None
    weights = [sigma**-2 for _, sigma in parts]
    total = sum(weights)
    ppm = sum(value * weight for (value, _), weight in zip(parts, weights, strict=True)) / total
    # Where carriers and pilots disagree, their difference is the uncertainty.
    chi = max((abs(value - ppm) / sigma for value, sigma in parts), default=1.0)
    return CrystalError(ppm, total**-0.5 * max(chi, 1.0), counts[0], counts[1])
