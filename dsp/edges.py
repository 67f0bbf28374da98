"""When exactly a blob was on: a second look with a window short enough for its edges."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from dsp.marks import noise_threshold
from dsp.psd import BATCH_POINTS, num_frames, power_batches
from dsp.values import IQ, Real
from dsp.window import Window, window

EDGE_DB = 13.0
"""An emission is on where it is less than this under its usual level."""

PULSE_S = 300e-6
PULSE_GLUE_S = 20e-6
PILOT_S = (200e-6, 300e-6)

P_FA_EDGE = 1e-7
SPECK_SHARE = 0.01

SMALL_PRODUCT = 1 << 18
PROJECTED = 12
"""Up to so many bins a product of matrices is quicker than the transform."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch without a pause.

    Attributes
    ----------
    start, stop : int
        Samples from the first one given.
    power : float
        Mean power in the band.
    """

    start: int
    stop: int
    power: float


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """Power in a band against time.

    Attributes
    ----------
    power : float32, shape (n,)
        Linear, a full-scale tone reads 1.0.
    step : int
        Samples between two values.
    offset : int
        Sample in the middle of the first value's window.
    num_bins : int
        Bins summed in each value.
    """

    power: Real
    step: int
    offset: int
    num_bins: int


def envelope(samples: IQ, low: float, high: float, longest: int) -> Envelope:
    """Power in a band with the best time resolution that its width allows.

    Parameters
    ----------
    samples : complex64, shape (n,)
    low, high : float
        Edges of the band in cycles per sample, -0.5 to 0.5.
    longest : int
        No window longer than this many samples.
    """
    width = max(high - low, 1e-6)
    nfft = 1 << math.ceil(math.log2(max(8.0, 1.5 / width)))
    nfft = max(16, min(nfft, longest, 1 << int(math.log2(len(samples)))))
    hop = nfft // 2
    win = window("hann", nfft)
    freqs = np.fft.fftfreq(nfft)
    inside = np.abs(freqs - (low + high) / 2) <= max(width / 2, 0.51 / nfft)
    columns = np.flatnonzero(inside)
    if len(columns) == 0:
        columns = np.array([int(np.argmin(np.abs(freqs - (low + high) / 2)))])
    pairs = np.concatenate([2 * columns, 2 * columns + 1])
    if len(columns) <= PROJECTED:
        power = _projected(samples, win, columns)
    else:
        batches = power_batches(samples.view(np.float32), win, hop, max(1, BATCH_POINTS // nfft))
        power = np.concatenate([squares[:, pairs].sum(axis=1) for _, squares in batches])
    power = (power / win.enbw_bins).astype(np.float32)
    return Envelope(power, hop, nfft // 2, len(columns))


def _projected(samples: IQ, win: Window, columns: npt.NDArray[np.intp]) -> Real:
    """Power summed over a few bins of half-overlapped frames, shape (n_frames,).

    Few bins of a transform cost less as a product of matrices, of real ones even: interleaved I
    and Q times the window times cosine and sine.  Frames of even and of odd number do not overlap
    among themselves, and so lie in memory as the rows of a matrix.
    """
    nfft = win.nfft
    turn = np.outer(np.arange(nfft), columns) * (2.0 * np.pi / nfft)
    taps = win.taps[:, None].astype(np.float64)
    real, imag = taps * np.cos(turn), taps * np.sin(turn)
    # (x + iy)(c - is) = (xc + ys) + i(yc - xs)
    rows = np.stack([np.hstack([real, -imag]), np.hstack([imag, real])], axis=1)
    matrix = rows.reshape(2 * nfft, -1).astype(np.float32)
    few = max(1, SMALL_PRODUCT // matrix.size)
    power = np.empty(num_frames(len(samples), nfft, nfft // 2), dtype=np.float32)
    for odd in (0, 1):
        parts = samples[odd * (nfft // 2) :].view(np.float32)
        count = len(power[odd::2])
        frames = parts[: count * 2 * nfft].reshape(count, 2 * nfft)
        # A stack of small products: the library would wake threads for a large one.
        stack, width = count // few, matrix.shape[1]
        spectra = np.empty((count, width), dtype=np.float32)
        whole = spectra[: stack * few].reshape(stack, few, width)
        np.matmul(frames[: stack * few].reshape(stack, few, 2 * nfft), matrix, out=whole)
        np.matmul(frames[stack * few :], matrix, out=spectra[stack * few :])
        power[odd::2] = np.einsum("ij,ij->i", spectra, spectra)
    return power


def on_runs(shape: Envelope, noise: float, edge_db: float = EDGE_DB) -> tuple[list[Run], float]:
    """Stretches in which the band carries the emission, and its usual power when on.

    The threshold lies ``edge_db`` under the usual level, or where noise is seldom, whichever is
    higher; a weak emission is averaged over time until its level clears the noise.

    Parameters
    ----------
    shape : Envelope
    noise : float
        Mean noise power in the band.
    edge_db : float
        More than `EDGE_DB` where runs of unlike power are looked for.
    """
    power = shape.power
    k_eff = max(1.0, 0.67 * shape.num_bins)
    smooth = 1
    floor = noise * noise_threshold(k_eff, P_FA_EDGE)
    top = _usual(power, floor)
    while top < 4.0 * floor and smooth < 64 and 8 * smooth < len(power):
        smooth *= 2
        power = ndimage.uniform_filter1d(shape.power, smooth, mode="nearest")
        floor = noise * noise_threshold(k_eff * smooth * 0.8, P_FA_EDGE)
        top = _usual(power, floor)
    threshold = min(max(floor, top * 10.0 ** (-edge_db / 10.0)), 0.5 * top)
    runs = _runs(power > threshold, shape)
    return (_without_specks(runs, top) if edge_db <= EDGE_DB else runs), top


def _without_specks(runs: list[Run], top: float) -> list[Run]:
    """Leave out weak runs with next to no energy: impulsive noise before, between and after."""
    most = max((r.power * (r.stop - r.start) for r in runs), default=0.0)
    return [
        r for r in runs if r.power > 0.5 * top or r.power * (r.stop - r.start) > SPECK_SHARE * most
    ]


@dataclass(frozen=True, slots=True)
class Course:
    """How an emission went on and off.

    Attributes
    ----------
    runs : list of Run
        In order; the middle of a long emission is one run.
    top : float
        Usual power in the band when on.
    duty : float
        Share of the time between the first and the last moment that it was on.
    density : float
        Runs per sample.
    """

    runs: list[Run]
    top: float
    duty: float
    density: float


def course(
    samples: IQ, low: float, high: float, longest: int, noise: float, look: int | None
) -> tuple[Course, Envelope]:
    """Look at a stretch with a short window; of a long dense one, only at both ends.

    Parameters
    ----------
    samples : complex64, shape (n,)
    low, high : float
        Edges of the band in cycles per sample.
    longest : int
        No window longer than this many samples.
    noise : float
        Mean noise power in the band.
    look : int or None
        Samples to look at from each end where the stretch has no pause; None looks everywhere.
    """
    if look is None or len(samples) < 4 * look:
        shape = envelope(samples, low, high, longest)
        runs, top = on_runs(shape, noise)
        return _course(runs, top, 0), shape
    shape = envelope(samples[:look], low, high, longest)
    head, top = on_runs(shape, noise)
    after = len(samples) - look
    tail, tail_top = on_runs(envelope(samples[after:], low, high, longest), noise)
    if not head or not tail:
        return course(samples, low, high, longest, noise, None)
    moved = [Run(r.start + after, r.stop + after, r.power) for r in tail]
    middle = moved[0].start - head[-1].stop
    between = Run(head[-1].stop, moved[0].start, top)
    return _course([*head, between, *moved], max(top, tail_top), middle), shape


def _course(runs: list[Run], top: float, unseen: int) -> Course:
    """Duty and density of what was seen, taken for the whole."""
    if not runs:
        return Course(runs, top, 0.0, 0.0)
    seen = max(1, runs[-1].stop - runs[0].start - unseen)
    on = sum(r.stop - r.start for r in runs) - unseen
    count = len(runs) - 2 if unseen else len(runs)
    return Course(runs, top, min(1.0, on / seen), count / seen)


def _usual(power: Real, floor: float) -> float:
    """Power-weighted mean power: the level of most of the energy, however short it was on."""
    over = power[power > floor].astype(np.float64)
    return float((over**2).sum() / over.sum()) if len(over) else float(power.max())


def _runs(on: npt.NDArray[np.bool_], shape: Envelope) -> list[Run]:
    """Sample ranges of the true stretches."""
    change = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    half = shape.step // 2
    if len(change) == 0:
        return []
    # Between the stretches it is summed too, and not used.
    sums = np.add.reduceat(np.append(shape.power, np.float32(0.0)), change, dtype=np.float64)
    return [
        Run(
            int(a) * shape.step + shape.offset - half,
            (int(b) - 1) * shape.step + shape.offset + half,
            float(total) / int(b - a),
        )
        for a, b, total in zip(change[0::2], change[1::2], sums[0::2], strict=True)
    ]


def group_runs(runs: list[Run], gap: int) -> list[list[Run]]:
    """Split where the pause is longer than ``gap`` samples."""
    groups: list[list[Run]] = []
    for run in runs:
        if groups and run.start - groups[-1][-1].stop <= gap:
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups


def are_pulses(runs: list[Run], sample_rate_hz: float) -> bool:
    """Whether the runs are separate short pulses (ADS-B, radar) and not one patterned emission.

    The pilots of an idle LTE cell are short runs too, but 3 or 4 symbols apart, 214 or 286 us;
    independent replies are any distance apart.
    """
    glued = group_runs(runs, round(PULSE_GLUE_S * sample_rate_hz))
    lengths = [g[-1].stop - g[0].start for g in glued]
    if np.percentile(lengths, 75) > PULSE_S * sample_rate_hz:
        return False
    apart = np.diff([g[0].start for g in glued]) / sample_rate_hz
    pilots = (apart > PILOT_S[0]) & (apart < PILOT_S[1])
    return not (len(apart) >= 8 and pilots.mean() > 0.5)
