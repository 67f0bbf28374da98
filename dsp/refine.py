"""A second, finer look at a detection, from the same samples: narrow signals in full detail."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .detect import HALF_DUTY
from .dwell import Resolution, look
from .measure import measure
from .noise import segments_of
from .plan import Hop
from .runs import runs_with
from .signals import Detection
from .units import ratio_db
from .values import Dwell, Grid, IQBlock, Real, Reference
from .window import window

CELLS = 40
"""Bins wanted across the occupied band; a window's own width then adds less than a per cent."""

LEAST_SEGMENTS = 8
"""Fewer averages make the noise subtraction too coarse."""

FINEST = 16384

MOST_GAP = 0.1
"""Hole between a signal and a part of its skirt, in signal widths; beyond it is something else."""

EXTENT_SIGMAS = 3.5
"""What counts as signal at its edges, in standard deviations of the smoothed noise."""


def refine(
    block: IQBlock,
    hop: Hop,
    detections: Sequence[Detection],
    reference: Reference,
    response: Real | None = None,
    dc: complex = 0j,
) -> list[Detection]:
    """Measure detections again with bins fit for their widths.

    A 1024-point spectrum shows a 9 kHz signal in four bins, too few for its 99 % bandwidth.  The
    same samples cut into longer segments show it in twenty or more; noise comes from the same
    reference, scaled to the finer bins.

    Parameters
    ----------
    block, hop, response, dc
        As given to `look`.
    detections : sequence of Detection
        Found in that dwell.
    reference : Reference
        They were found against.

    Returns
    -------
    list of Detection
        With new centre, bandwidth, SNR and power; those wide enough already as they were.
    """
    looks: dict[int, Dwell] = {}
    refined = []
    for detection in detections:
        factor = _factor(block, hop, detection)
        if factor < 2:
            refined.append(detection)
            continue
        if factor not in looks:
            looks[factor] = _finer_look(block, hop, factor, response, dc)
        refined.append(_measure(detection, looks[factor], hop, factor, reference))
    return refined


def _factor(block: IQBlock, hop: Hop, detection: Detection) -> int:
    """How many times finer the bins must be: a power of two, 1 where they will do."""
    longest_s = 5e-3 if detection.duty < HALF_DUTY else block.duration_s
    wanted = CELLS * block.sample_rate_hz / detection.bandwidth_hz
    most = 2 * longest_s * block.sample_rate_hz / (LEAST_SEGMENTS + 1)
    nfft = block.sample_rate_hz / hop.grid.bin_width_hz
    return int(2 ** max(0, math.floor(math.log2(min(wanted, most, FINEST) / nfft))))


def _finer_look(block: IQBlock, hop: Hop, factor: int, response: Real | None, dc: complex) -> Dwell:
    """Look at the same block with bins ``factor`` times narrower."""
    nfft = factor * round(block.sample_rate_hz / hop.grid.bin_width_hz)
    width = hop.grid.bin_width_hz / factor
    grid = Grid(hop.grid.start_hz, width, (hop.grid.n_bins - 1) * factor + 1)
    if response is not None:
        places = np.arange(nfft) / factor
        response = np.interp(places, np.arange(len(response)), response).astype(np.float32)
    return look(block, replace(hop, grid=grid), Resolution(nfft), response, dc)


def _measure(
    detection: Detection, dwell: Dwell, hop: Hop, factor: int, reference: Reference
) -> Detection:
    """Put the finer figures into a detection; levels per coarse bin stay as they are."""
    bins = np.arange(dwell.grid.n_bins) / factor
    places = np.arange(hop.grid.n_bins)
    segments = segments_of(dwell)
    noise = np.interp(bins, places, reference.typical_mean / factor).astype(np.float32)
    power, k_eff, quiet = dwell.mean, segments.k_mean, noise
    if detection.duty < HALF_DUTY:
        power, k_eff = dwell.peak, segments.k_burst
        quiet = np.interp(bins, places, reference.typical_peak / factor).astype(np.float32)
    band = _extent(power, quiet, dwell.grid, detection, k_eff)
    taps = window(dwell.window, 1024)
    figures = measure(power, quiet, dwell.grid, *band, noise=noise, taps=taps, k_eff=k_eff)
    return replace(
        detection,
        center_freq_hz=figures.center_freq_hz,
        bandwidth_hz=figures.bandwidth_hz,
        snr_db=figures.snr_db,
        power_dbfs=ratio_db(figures.power),
    )


def _extent(
    power: Real, quiet: Real, grid: Grid, detection: Detection, k_eff: float
) -> tuple[int, int]:
    """First and last fine bin of the signal: from the coarse edges in to what rises over noise."""
    margin = detection.bandwidth_hz / 2 + 2e3
    bins = grid.window(detection.low_hz - margin, detection.high_hz + margin)
    over = power[bins] / quiet[bins] - 1
    # Averaged over the width of a tone, single noise bins do not count as signal.
    smooth = np.convolve(over, np.full(5, 0.2), mode="same")
    strong = smooth > EXTENT_SIGMAS / np.sqrt(k_eff * 5 / 1.5)
    coarse = grid.window(detection.low_hz, detection.high_hz)
    begin, end = coarse.start - bins.start, coarse.stop - bins.start
    # A stronger neighbour may reach into the margin; something is in the band itself, too.
    strong[begin + int(smooth[begin:end].argmax())] = True
    pieces = runs_with(strong, strong)
    inside = [(a, b) for a, b in pieces if b >= begin and a < end]
    first, last = inside[0][0], inside[-1][1]
    for low, high in sorted(pieces, key=lambda piece: max(first - piece[1], piece[0] - last)):
        gap = max(low - last, first - high)
        if gap <= max(4, MOST_GAP * (last - first)):  # farther away it is noise, or another signal
            first, last = min(first, low), max(last, high)
    return bins.start + first, bins.start + last
