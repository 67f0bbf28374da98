"""A second, finer look at a detection, from the same samples: narrow signals in full detail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .detect import HALF_DUTY
from .dwell import Resolution, look
from .measure import Measured, measure
from .noise import segments_of
from .plan import Hop
from .runs import runs_with
from .units import ratio_db
from .values import Detection, Grid, IQBlock, Real, Reference
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
    detection: Detection,
    reference: Reference,
    response: Real | None = None,
    dc: complex = 0j,
) -> Detection:
    """Measure a detection again with bins fit for its width.

    A 1024-point spectrum shows a 9 kHz signal in four bins, too few for its 99 % bandwidth.  The
    same samples cut into longer segments show it in twenty or more; noise comes from the same
    reference, scaled to the finer bins.

    Parameters
    ----------
    block, hop, response, dc
        As given to `look`.
    detection : Detection
        Found in that dwell.
    reference : Reference
        It was found against.

    Returns
    -------
    Detection
        With new centre, bandwidth, SNR and power; unchanged where it is wide enough already.
    """
    bursty = detection.duty < HALF_DUTY
    longest = 5e-3 if bursty else block.duration_s
    wanted = CELLS * block.sample_rate_hz / detection.bandwidth_hz
    most = 2 * longest * block.sample_rate_hz / (LEAST_SEGMENTS + 1)
    nfft = 2 ** int(np.log2(min(wanted, most, FINEST)))
    coarse = hop.grid.bin_width_hz
    if nfft * coarse <= block.sample_rate_hz * 1.01:
        return detection
    factor = round(nfft * coarse / block.sample_rate_hz)
    width = coarse / factor
    fine_grid = Grid(hop.grid.start_hz, width, (hop.grid.n_bins - 1) * factor + 1)
    finer = replace(hop, grid=fine_grid)
    if response is not None:
        response = np.interp(np.arange(nfft) / factor, np.arange(len(response)), response)
        response = response.astype(np.float32)
    dwell = look(block, finer, Resolution(nfft), response, dc)
    segments = segments_of(dwell)
    bins = np.arange(fine_grid.n_bins) / factor
    places = np.arange(hop.grid.n_bins)
    noise = np.interp(bins, places, reference.typical_mean / factor).astype(np.float32)
    power, k_eff, quiet = dwell.mean, segments.k_mean, noise
    if bursty:
        power, k_eff = dwell.peak, segments.k_burst
        quiet = np.interp(bins, places, reference.typical_peak / factor).astype(np.float32)
    band = _extent(power, quiet, fine_grid, detection, k_eff)
    figures = measure(
        power, quiet, fine_grid, *band, noise=noise, taps=window("hann", nfft), k_eff=k_eff
    )
    return _with(detection, figures)


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
    strong[int(smooth.argmax())] = True
    pieces = runs_with(strong, strong)
    coarse = grid.window(detection.low_hz, detection.high_hz)
    inside = [
        (a, b) for a, b in pieces if b + bins.start >= coarse.start and a + bins.start < coarse.stop
    ]
    first, last = inside[0][0], inside[-1][1]
    for low, high in sorted(pieces, key=lambda piece: max(first - piece[1], piece[0] - last)):
        gap = max(low - last, first - high)
        if gap <= max(4, MOST_GAP * (last - first)):  # farther away it is noise, or another signal
            first, last = min(first, low), max(last, high)
    return bins.start + first, bins.start + last


def _with(detection: Detection, figures: Measured) -> Detection:
    """Detection with the finer figures; levels per coarse bin stay comparable with thresholds."""
    return replace(
        detection,
        center_freq_hz=figures.center_freq_hz,
        bandwidth_hz=figures.bandwidth_hz,
        snr_db=figures.snr_db,
        power_dbfs=ratio_db(figures.power),
    )
