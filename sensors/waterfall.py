"""A recording reduced to a picture's size while it streams by: the strongest of each pixel."""

from __future__ import annotations

import numpy as np

from dsp.floor import Floor
from dsp.tiles import Tiles
from dsp.values import Real

WIDTH = 1600
HEIGHT = 900


class Waterfall:
    """Strongest power over the floor for each pixel, and the recording's spectra.

    A pixel shows the maximum of its cells, so that a burst shorter than a row is still seen.

    Parameters
    ----------
    sample_rate_hz, center_freq_hz : float
    num_samples : int
        Length of the recording.
    """

    most_boxes = 400

    def __init__(self, sample_rate_hz: float, center_freq_hz: float, num_samples: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.center_freq_hz = center_freq_hz
        self.seconds = num_samples / sample_rate_hz
        self.excess = np.zeros((HEIGHT, 1), dtype=np.float32)
        self.peak: Real = np.zeros(0, dtype=np.float32)
        self.total = np.zeros(0)
        self.rows = 0
        self.floor: Floor | None = None
        self._num_samples = num_samples

    def add(self, tile: Tiles, floor: Floor, position: int, row_samples: int) -> None:
        """Add the tiles of one block.

        Parameters
        ----------
        tile : Tiles
        floor : Floor
        position : int
            First sample of the first row.
        row_samples : int
            Samples from one row to the next.
        """
        nfft = tile.peak.shape[1]
        if self.rows == 0:
            self.excess = np.zeros((HEIGHT, min(WIDTH, nfft)), dtype=np.float32)
            self.peak = np.zeros(nfft, dtype=np.float32)
            self.total = np.zeros(nfft)
        self.floor = floor
        self.rows += len(tile.mean)
        self.total += tile.mean.sum(axis=0, dtype=np.float64)
        np.maximum(self.peak, tile.peak.max(axis=0), out=self.peak)
        columns = np.arange(self.excess.shape[1]) * nfft // self.excess.shape[1]
        narrow = np.maximum.reduceat(tile.mean / floor.noise, columns, axis=1)
        starts = position + np.arange(len(narrow)) * row_samples
        first = starts * HEIGHT // self._num_samples
        last = np.maximum(first + 1, -(-(starts + row_samples) * HEIGHT // self._num_samples))
        for row, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
            target = self.excess[a : min(b, HEIGHT)]
            np.maximum(target, narrow[row], out=target)

    def mean(self) -> Real:
        """Mean spectrum of the whole recording."""
        return np.asarray(self.total / max(1, self.rows), dtype=np.float32)
