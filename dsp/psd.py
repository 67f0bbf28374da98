"""Samples to power per bin in one batched float32 pass.

Welch's method with half-overlapped segments.  Two outputs: every frame (`frame_power`, for the
waterfall of a recording) or the means of consecutive stretches of a dwell (`dwell_power`, for the
detectors).  The scale is calibrated: a full-scale tone at a bin centre reads 1.0 (0 dBFS), noise of
density N reads N times the resolution bandwidth in every bin.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

from .values import IQ, Raw, Real
from .window import Window

BATCH_POINTS = 1 << 16
"""Points transformed in one call: 512 KiB stay in a core's second-level cache."""


CAST_BUFFER = 2048
"""Elements converted at a time while bytes become windowed floats; numpy's own 8192 are slower."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockPower:
    """Power of consecutive stretches of one dwell.

    Attributes
    ----------
    means : float32, shape (n_blocks, nfft)
        Mean power of each stretch; lowest frequency first, DC at ``nfft // 2``.
    counts : int64, shape (n_blocks,)
        Segments in each mean; they differ by at most one.
    center : complex
        Mean of the samples: what is left of the receiver's own carrier, or a signal exactly there.
    """

    means: Real
    counts: npt.NDArray[np.int64]
    center: complex

    @property
    def num_segments(self) -> int:
        """Segments of the whole dwell."""
        return int(self.counts.sum())

    def mean(self) -> Real:
        """Mean power over all segments, shape (nfft,)."""
        weights = (self.counts / self.counts.sum()).astype(np.float32)
        return np.asarray(weights @ self.means, dtype=np.float32)

    def peak(self) -> Real:
        """Largest of the stretches, shape (nfft,)."""
        return np.asarray(self.means.max(axis=0), dtype=np.float32)


def num_frames(num_samples: int, nfft: int, hop_size: int) -> int:
    """Whole segments in ``num_samples``; a shorter rest at the end is not used."""
    return max(0, (num_samples - nfft) // hop_size + 1)


def _transforms(
    parts: Raw, window: Window, hop_size: int, batch: int, scale: float, offset: complex
) -> Iterator[tuple[int, IQ]]:
    """Windowed transforms, a cache-sized batch at a time; yields first frame and spectra.

    ``parts`` are interleaved I and Q of any real type in which ``scale`` is full scale and
    ``offset`` is zero.  The scale is folded into the window and therefore free.  The offset is a
    constant, which shows only in the few bins of the window's main lobe: it is taken out there
    and not from every sample.
    """
    nfft = window.nfft
    num_samples = parts.shape[0] // 2
    total = num_frames(num_samples, nfft, hop_size)
    if total == 0:
        raise ValueError(f"{num_samples} samples are fewer than one segment of {nfft=}")
    if not parts.flags.c_contiguous or parts.ndim != 1:
        raise ValueError(f"{parts.shape=} is not a contiguous row of I, Q values")
    frames = np.lib.stride_tricks.as_strided(
        parts,
        shape=(total, 2 * nfft),
        strides=(2 * hop_size * parts.itemsize, parts.itemsize),
        writeable=False,
    )
    taps = _pair_taps(window, scale)
    reach = window.reach_bins
    lobe = np.array([level for _, level in window.lobe]) * (offset / scale)
    above, below = lobe[reach - 1 :].astype(np.complex64), lobe[: reach - 1].astype(np.complex64)
    buffer = np.empty((min(batch, total), 2 * nfft), dtype=np.float32)
    for first in range(0, total, batch):
        chunk = frames[first : first + batch]
        windowed = buffer[: chunk.shape[0]]
        with np.errstate():  # gives the buffer size back
            np.setbufsize(CAST_BUFFER)
            np.multiply(chunk, taps, out=windowed, dtype=np.float32, casting="same_kind")
        frequencies = fft.fft(windowed.view(np.complex64), axis=1, overwrite_x=True, workers=1)
        spectra = np.asarray(frequencies, dtype=np.complex64)
        if offset:
            spectra[:, :reach] -= above
            if reach > 1:
                spectra[:, 1 - reach :] -= below
        yield first, spectra


@lru_cache(maxsize=64)
def _pair_taps(window: Window, scale: float) -> Real:
    """Taps for interleaved I and Q, full scale folded in."""
    return np.asarray(np.repeat(window.taps, 2) / np.float32(scale), dtype=np.float32)


def power_batches(
    parts: Raw,
    window: Window,
    hop_size: int,
    batch: int,
    *,
    scale: float = 1.0,
    offset: complex = 0j,
) -> Iterator[tuple[int, Real]]:
    """Squared real and imaginary parts of windowed transforms, a cache-sized batch at a time.

    Parameters
    ----------
    parts, scale, offset
        As for `dwell_power`.

    Yields
    ------
    first : int
        Index of the batch's first frame.
    squares : float32, shape (n, 2 * nfft)
        Interleaved ``re**2, im**2`` in transform order; adding the pairs gives the power.  They are
        left apart because adding them after a reduction over frames is cheaper.  Overwritten by
        the next batch.
    """
    for first, spectra in _transforms(parts, window, hop_size, batch, scale, offset):
        squares = spectra.view(np.float32)
        yield first, np.multiply(squares, squares, out=squares)


def frame_power(samples: IQ, window: Window, hop_size: int) -> Real:
    """Power of every frame.

    Parameters
    ----------
    samples : complex64, shape (n,)
        Not changed; |x| = 1 at full scale.
    window : Window
    hop_size : int
        Samples between the starts of two frames.

    Returns
    -------
    power : float32, shape (n_frames, nfft)
        Lowest frequency first, DC at ``nfft // 2``.

    Raises
    ------
    ValueError
        Fewer samples than one segment, or not contiguous complex64.
    """
    if samples.dtype != np.complex64 or not samples.flags.c_contiguous:
        raise ValueError(f"samples must be contiguous complex64, not {samples.dtype}")
    nfft, parts = window.nfft, samples.view(np.float32)
    power = np.empty((num_frames(samples.shape[0], nfft, hop_size), nfft), dtype=np.float32)
    split = (nfft + 1) // 2
    for first, squares in power_batches(parts, window, hop_size, max(1, BATCH_POINTS // nfft)):
        rows = power[first : first + squares.shape[0]]
        real, imag = squares[:, 0::2], squares[:, 1::2]
        np.add(real[:, :split], imag[:, :split], out=rows[:, nfft - split :])
        np.add(real[:, split:], imag[:, split:], out=rows[:, : nfft - split])
    return power


def dwell_power(
    parts: Raw,
    window: Window,
    hop_size: int,
    num_blocks: int,
    *,
    scale: float = 1.0,
    offset: complex = 0j,
) -> BlockPower:
    """Mean power of ``num_blocks`` consecutive stretches of a dwell.

    Every segment is transformed once and counted once; the mean over the dwell and the largest
    stretch both follow from the result.

    Parameters
    ----------
    parts : ndarray, shape (2 * n,)
        Interleaved I and Q of any real type, as a receiver gives them (``samples.view(float32)``
        of complex samples).  Not changed.
    window : Window
    hop_size : int
    num_blocks : int
        Reduced to the number of segments where the dwell is that short.
    scale, offset : float, complex
        What full scale and what zero is in ``parts``.

    Returns
    -------
    BlockPower

    Raises
    ------
    ValueError
        Fewer samples than one segment, or not a contiguous row.

    References
    ----------
    P. D. Welch, IEEE Trans. Audio Electroacoust. 15(2), 1967.

    Examples
    --------
    >>> from dsp.window import window
    >>> tone = (0.5 * np.exp(2j * np.pi * np.arange(4096) / 8)).astype(np.complex64)
    >>> mean = dwell_power(tone.view(np.float32), window("hann", 1024), 512, 1).mean()
    >>> int(mean.argmax()), round(float(10 * np.log10(mean.max())), 2)
    (640, -6.02)
    """
    nfft = window.nfft
    total = num_frames(parts.shape[0] // 2, nfft, hop_size)
    num_blocks = min(max(1, num_blocks), max(1, total))
    edges = [block * total // num_blocks for block in range(num_blocks + 1)]
    counts = np.diff(edges)
    sums = np.zeros((num_blocks, 2 * nfft), dtype=np.float32)
    center = 0j
    batch = max(1, BATCH_POINTS // nfft)
    for first, spectra in _transforms(parts, window, hop_size, batch, scale, offset):
        center += complex(spectra[:, 0].sum())
        squares = spectra.view(np.float32)
        np.multiply(squares, squares, out=squares)
        stop = first + squares.shape[0]
        block = bisect_right(edges, first) - 1
        while block < num_blocks and edges[block] < stop:
            rows = squares[max(edges[block], first) - first : min(edges[block + 1], stop) - first]
            sums[block] += rows.sum(axis=0)
            block += 1
    sums *= (1 / counts[:, None]).astype(np.float32)
    means = np.empty((num_blocks, nfft), dtype=np.float32)
    split = (nfft + 1) // 2
    real, imag = sums[:, 0::2], sums[:, 1::2]
    np.add(real[:, :split], imag[:, :split], out=means[:, nfft - split :])
    np.add(real[:, split:], imag[:, split:], out=means[:, : nfft - split])
    return BlockPower(means, counts, center / total)
