"""Measure one receiver: stations heard, settling, gain, noise.  Tells numbers, not verdicts.

Every function works on any tunable source.  Beside it: `sdr.flow` (loss), `sdr.ppm` (crystal).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from dsp.dwell import Resolution
from dsp.dwell import look as dwell_of
from dsp.iq import to_complex
from dsp.noise import excised_floor, segments_of
from dsp.plan import Hop
from dsp.units import ratio_db
from dsp.values import Grid, IQBlock, Real
from sdr.source import Source, SourceError

NFFT = 1024
KEEP = 0.8
"""Share of the sampled band that is looked at; beyond it lie aliases."""

LOOK_S = 0.02
FM_BAND_HZ = (76e6, 108e6)
"""Broadcasting in all regions: strong, steady, on a raster of 100 kHz (50 kHz in places)."""

OTHER_BANDS_HZ = ((500e6, 520e6), (758e6, 798e6), (925e6, 960e6))
"""Television and cellular downlinks: wide signals that tell a live antenna."""

SLOT_S = 1e-4
"""Settling is told to this."""

STATION_DB = 10.0
CHANNEL_HZ = 200e3


@dataclass(frozen=True, slots=True)
class Look:
    """One short stay on one frequency.

    Attributes
    ----------
    center_freq_hz : float
    power : float32, shape (n,)
        Mean power of the kept bins, lowest frequency first.
    freqs_hz : float64, shape (n,)
    floor_dbfs_per_hz : float
        Noise density under the signals.
    floor_lsb : float
        Noise in the whole sampled band as rms of I or Q, in steps of an 8-bit converter.
    clipped_fraction : float
    """

    center_freq_hz: float
    power: Real
    freqs_hz: npt.NDArray[np.float64]
    floor_dbfs_per_hz: float
    floor_lsb: float
    clipped_fraction: float


def look(source: Source, center_freq_hz: float, seconds: float = LOOK_S) -> Look:
    """Tune, read and compute the spectrum."""
    source.tune(center_freq_hz)
    return look_at(source.read(round(seconds * source.settings.sample_rate_hz)))


def look_at(block: IQBlock) -> Look:
    """Spectrum and noise floor of one block."""
    width_hz = block.sample_rate_hz / NFFT
    half = round(NFFT * KEEP / 2)
    grid = Grid(block.center_freq_hz - half * width_hz, width_hz, 2 * half + 1)
    dwell = dwell_of(block, Hop(0, block.center_freq_hz, grid, 0), Resolution(NFFT))
    density = excised_floor(dwell.mean, segments_of(dwell).k_mean) / dwell.rbw_hz
    return Look(
        center_freq_hz=block.center_freq_hz,
        power=dwell.mean,
        freqs_hz=grid.freqs_hz(),
        floor_dbfs_per_hz=ratio_db(density),
        floor_lsb=math.sqrt(density * block.sample_rate_hz / 2) * 127.5,
        clipped_fraction=dwell.clipped_fraction,
    )


@dataclass(frozen=True, slots=True)
class Station:
    """A steady signal that was heard.

    Attributes
    ----------
    freq_hz : float
        On the raster.
    snr_db : float
        Power in 200 kHz over the noise in 200 kHz.
    """

    freq_hz: float
    snr_db: float


def find_stations(looks: Iterable[Look], raster_hz: float = 100e3) -> list[Station]:
    """Broadcast-like signals, strongest first: local maxima of the power in 200 kHz."""
    found: list[Station] = []
    for one in looks:
        width_hz = one.freqs_hz[1] - one.freqs_hz[0]
        half = round(CHANNEL_HZ / 2 / width_hz)
        sums = np.convolve(one.power, np.ones(2 * half + 1), mode="same")
        floor = 10 ** (one.floor_dbfs_per_hz / 10) * 1.5 * width_hz * (2 * half + 1)
        low, high = one.freqs_hz[half], one.freqs_hz[-half - 1]
        for number in range(math.ceil(low / raster_hz), math.floor(high / raster_hz) + 1):
            at = round((number * raster_hz - one.freqs_hz[0]) / width_hz)
            around = sums[max(0, at - half) : at + half + 1]
            signal = sums[at] / floor - 1
            # The strongest raster point of its surroundings, so that skirts are not stations.
            if signal > 10 ** (STATION_DB / 10) and sums[at] >= 0.9 * around.max():
                found.append(Station(number * raster_hz, ratio_db(signal)))
    found.sort(key=lambda station: -station.snr_db)
    kept: list[Station] = []
    for station in found:
        if all(abs(station.freq_hz - other.freq_hz) > CHANNEL_HZ for other in kept):
            kept.append(station)
    return kept


def centers(low_hz: float, high_hz: float, sample_rate_hz: float) -> list[float]:
    """Centres whose kept bins tile a band, with 200 kHz of overlap for what lies on a seam."""
    step_hz = sample_rate_hz * KEEP - CHANNEL_HZ
    count = max(1, math.ceil((high_hz - low_hz) / step_hz))
    return [low_hz + (n + 0.5) * (high_hz - low_hz) / count for n in range(count)]


@dataclass(frozen=True, slots=True)
class Settling:
    """How long a retune takes.

    Attributes
    ----------
    tune_s : float
        Mean time from the last sample that was wanted until the tuner obeys: the driver's own.
    settle_s : float
        Longest time after it until the samples are those of the new frequency at full level.
    spread_s : float
        How far the longest lies above the median.  A busy computer makes some shorter.
    repeats : int
        Retunes in which it was seen.
    """

    tune_s: float
    settle_s: float
    spread_s: float
    repeats: int


def measure_settling(
    source: Source, station_hz: float, away_hz: Sequence[float], repeats: int = 24
) -> Settling | None:
    """Step from empty channels to a steady carrier and watch the carrier come up.

    Parameters
    ----------
    source : Source
        With an attribute ``settle_s``, which is put back afterwards.
    station_hz : float
        A strong station.
    away_hz : sequence of float
        Where to come from, in turn: near and far, for a tuner may take longer for a longer way.

    Returns
    -------
    Settling or None
        None where the carrier was too unsteady to tell.
    """
    adjustable = cast("_Settled", source)
    before_s, rate_hz = adjustable.settle_s, source.settings.sample_rate_hz
    beside_hz = station_hz - 0.2 * rate_hz  # away from the DC spike
    slot = round(rate_hz * SLOT_S)
    try:
        source.tune(beside_hz)
        source.read(round(0.05 * rate_hz))
        steady = _channel_power(source.read(round(0.05 * rate_hz)), station_hz, slot)
        level, least = float(np.median(steady)), float(steady.min())
        adjustable.settle_s = 0.0
        tune_s: list[float] = []
        settle_s: list[float] = []
        for turn in range(repeats):
            source.tune(away_hz[turn % len(away_hz)])
            finish = source.begin(round(0.02 * rate_hz))
            source.tune(beside_hz)
            block = source.read(round(0.03 * rate_hz))
            away = finish()
            tuned = block.sample_index - away.sample_index - away.num_samples
            tune_s.append(tuned / rate_hz)
            rising = _channel_power(block, station_hz, slot)
            # Settled when it never again leaves what the steady carrier did by itself.
            wrong = np.flatnonzero((rising < 0.7 * least) | (rising > 2.5 * level))
            last = int(wrong[-1]) + 1 if wrong.shape[0] else 0
            if last < 0.8 * rising.shape[0]:
                settle_s.append(last * slot / rate_hz)
    finally:
        adjustable.settle_s = before_s
    if len(settle_s) < max(2, repeats / 2):
        return None
    spread_s = max(settle_s) - float(np.median(settle_s))
    return Settling(float(np.mean(tune_s)), max(settle_s), spread_s, len(settle_s))


class _Settled(Protocol):
    settle_s: float


def _channel_power(block: IQBlock, freq_hz: float, slot: int) -> Real:
    """Power in 200 kHz around a frequency in consecutive slots of so many samples."""
    samples = to_complex(block.raw, block.sample_format)
    rows = samples[: samples.shape[0] // slot * slot].reshape(-1, slot)
    spectra = np.fft.fft(rows * np.hanning(slot).astype(np.float32), axis=1)
    offset = np.fft.fftfreq(slot, 1 / block.sample_rate_hz) + block.center_freq_hz - freq_hz
    near = np.abs(offset) <= CHANNEL_HZ / 2
    return np.asarray((np.abs(spectra[:, near]) ** 2).sum(axis=1), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class GainStep:
    """Noise at one gain.

    Attributes
    ----------
    asked_db, gain_db : float
        What was asked for; what the dongle says.
    floor_dbfs_per_hz, floor_lsb, clipped_fraction : float
        As in `Look`.
    """

    asked_db: float
    gain_db: float
    floor_dbfs_per_hz: float
    floor_lsb: float
    clipped_fraction: float


def measure_gains(source: Source, quiet_hz: float, gains_db: Sequence[float]) -> list[GainStep]:
    """Noise floor at several gains on one quiet frequency; the gain in force is put back."""
    before_db = source.settings.gain_db
    steps = []
    try:
        for asked_db in gains_db:
            told_db = source.configure(gain_db=asked_db).gain_db
            one = look(source, quiet_hz)
            steps.append(
                GainStep(
                    asked_db=asked_db,
                    gain_db=math.nan if told_db is None else told_db,
                    floor_dbfs_per_hz=one.floor_dbfs_per_hz,
                    floor_lsb=one.floor_lsb,
                    clipped_fraction=one.clipped_fraction,
                )
            )
    finally:
        with suppress(SourceError):
            source.configure(gain_db=before_db)
    return steps
