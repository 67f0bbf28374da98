"""Many histograms at once: one per bin, 0.5 dB steps, mergeable by adding.

Noise visits half a dozen of the 260 levels and a busy bin some thirty, so that only levels seen are
kept: a hop needs 0.1 MB instead of 1.8.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .units import db, from_db
from .values import Real

FLOOR_DB = -130.0
STEP_DB = 0.5
LEVELS = 260
"""Levels cover -130 to 0 dBFS; what lies outside is counted in the first or last."""

Dense = npt.NDArray[np.uint32]


def levels_of(power: Real) -> npt.NDArray[np.int64]:
    """Level index of each bin's power."""
    index = np.floor((db(power) - FLOOR_DB) / STEP_DB)
    return np.clip(index, 0, LEVELS - 1).astype(np.int64)


class Histograms:
    """How often each bin was seen at each level.

    Parameters
    ----------
    n_bins : int

    Attributes
    ----------
    n_bins : int
    cells : uint32, shape (n_cells,)
        ``bin * LEVELS + level`` of what was seen, ascending.
    counts : uint32, shape (n_cells,)
    """

    __slots__ = ("cells", "counts", "n_bins")

    def __init__(self, n_bins: int) -> None:
        self.n_bins = n_bins
        self.cells = np.zeros(0, dtype=np.uint32)
        self.counts = np.zeros(0, dtype=np.uint32)

    def count(self, power: Real) -> None:
        """Add one look, power of every bin."""
        now = (np.arange(self.n_bins) * LEVELS + levels_of(power)).astype(np.uint32)
        place = np.searchsorted(self.cells, now)
        known = np.zeros(self.n_bins, dtype=np.bool_)
        inside = place < self.cells.shape[0]
        known[inside] = self.cells[place[inside]] == now[inside]
        self.counts[place[known]] += 1  # one cell of each bin: none twice
        if not known.all():
            fresh, at = now[~known], place[~known]
            self.cells = np.insert(self.cells, at, fresh)
            self.counts = np.insert(self.counts, at, np.uint32(1))

    def add(self, other: Histograms) -> None:
        """Add what another learner counted."""
        both = np.concatenate([self.cells, other.cells])
        self.cells, place = np.unique(both, return_inverse=True)
        sums = np.zeros(self.cells.shape[0], dtype=np.uint32)
        np.add.at(sums, place, np.concatenate([self.counts, other.counts]))
        self.counts = sums

    def quantile(self, share: float) -> Real:
        """Power below which ``share`` of each bin's looks lie, interpolated inside a level (in dB).

        Returns
        -------
        power : float32, shape (n_bins,)
            Zero where nothing was counted.
        """
        running = np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)])
        edges = np.searchsorted(self.cells, np.arange(self.n_bins + 1) * LEVELS)
        first, last = edges[:-1], edges[1:]
        seen = last > first
        power = np.zeros(self.n_bins, dtype=np.float32)
        if not seen.any():
            return power
        start, stop = running[first[seen]], running[last[seen]]
        wanted = start + share * (stop - start)
        cell = np.searchsorted(running[1:], wanted)
        cell = np.clip(cell, first[seen], last[seen] - 1)
        part = np.clip((wanted - running[cell]) / self.counts[cell], 0.0, 1.0)
        level_db = FLOOR_DB + STEP_DB * (self.cells[cell] % LEVELS + part)
        power[seen] = from_db(level_db).astype(np.float32)
        return power

    def looks_over(self, power: Real) -> npt.NDArray[np.float64]:
        """How many looks of each bin lie, with their whole level, over this power of the bin."""
        bins, levels = np.divmod(self.cells.astype(np.int64), LEVELS)
        over = from_db(FLOOR_DB + STEP_DB * levels) >= power[bins]
        looks = np.zeros(self.n_bins)
        np.add.at(looks, bins[over], self.counts[over])
        return looks

    def dense(self) -> Dense:
        """All levels of all bins, shape (n_bins, LEVELS): how it is kept on disk."""
        whole = np.zeros(self.n_bins * LEVELS, dtype=np.uint32)
        whole[self.cells] = self.counts
        return whole.reshape(self.n_bins, LEVELS)

    @classmethod
    def of(cls, dense: Dense) -> Histograms:
        """Read back what `dense` gave."""
        made = cls(dense.shape[0])
        flat = np.ascontiguousarray(dense).ravel()
        made.cells = np.flatnonzero(flat).astype(np.uint32)
        made.counts = flat[made.cells]
        return made

    def copy(self) -> Histograms:
        """Writable copy."""
        twin = Histograms(self.n_bins)
        twin.cells, twin.counts = self.cells.copy(), self.counts.copy()
        return twin
