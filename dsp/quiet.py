"""What a quiet moment of a recording looks like, learnt while it streams by."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy import ndimage, optimize, special

from dsp.floor import Bins, Floor, quiet_level, receiver_floor
from dsp.segment import Segment
from dsp.tiles import Tiles
from dsp.values import Real
from dsp.window import Window

HISTORY_BLOCKS = 64
FLOOR_ROWS = 128
FEWEST_ROWS = 16
"""Of which a low quantile over time can be taken."""

CLIPPED = 1e-3
"""Share of clipped values from which on a row says nothing of the floor: an overloaded converter
is deaf to all that is weak."""

FILLED_DBFS = -9.0
"""No gain that anybody would choose gives that much noise: the band is filled or jammed."""

RIPPLE = 0.25
"""White noise is flatter than 1 dB over the band; what fills a real receiver's band is not."""

RIPPLE_BINS = 32


class Quiet:
    """Learns the quiet level of every bin, block by block.

    Parameters
    ----------
    window : Window
        Of the tiles.
    bin_width_hz : float
    full_scale : bool
        Whether 1.0 is a converter's end stop, so that a level says that the band is filled.
    """

    def __init__(self, window: Window, bin_width_hz: float, *, full_scale: bool) -> None:
        self._window, self._bin_width_hz, self._full_scale = window, bin_width_hz, full_scale
        self._history: deque[tuple[Real, float]] = deque(maxlen=HISTORY_BLOCKS)
        self._sigma_db = 1.0

    @property
    def empty(self) -> bool:
        """Whether nothing was learnt yet."""
        return not self._history

    def prime(self, tile: Tiles, clipped: Real) -> None:
        """Learn from a piece of the recording; one that clips throughout is left out.

        Parameters
        ----------
        tile : Tiles
        clipped : float32, shape (n_rows,)
            Share of clipped values in each row.
        """
        rows = _clean(tile, clipped)
        if len(rows) >= FEWEST_ROWS or not clipped.any():
            quiet, self._sigma_db = quiet_level(rows, tile.k_eff)
            self._history.append((quiet, self._sigma_db))

    def learn(self, tile: Tiles, clipped: Real, open_now: Iterable[Segment]) -> Floor:
        """Take a block in and say what its floor is; what is on now does not become floor."""
        rows = tile.mean
        clean = _clean(tile, clipped)
        enough = len(clean) >= FEWEST_ROWS
        if enough:
            rows = clean
        if (enough or len(clean) == len(tile.mean) >= FEWEST_ROWS) or not self._history:
            self._append(rows, tile.k_eff, open_now)
        # Bins as rows in memory: partitioning along contiguous values is several times as fast.
        stacked = np.stack([quiet for quiet, _ in self._history], axis=1)
        rank = len(self._history) // 16
        level = np.partition(stacked, rank, axis=1)[:, rank]
        chance_db = _expected_db(rank, np.array([sigma_db for _, sigma_db in self._history]))
        level = level * np.float32(10.0 ** (-chance_db / 10.0))
        floor = receiver_floor(level, self._sigma_db, self._bin_width_hz)
        return floor.beneath_all() if self._filled(floor, tile) else floor

    def _append(self, rows: Real, k_eff: float, open_now: Iterable[Segment]) -> None:
        quiet, self._sigma_db = quiet_level(rows[:: max(1, len(rows) // FLOOR_ROWS)], k_eff)
        if self._history:
            for segment in open_now:
                if segment.width < 0.8 * self._window.nfft:
                    inside = slice(max(0, segment.low_bin - 4), segment.high_bin + 5)
                    quiet[inside] = np.minimum(quiet[inside], self._history[-1][0][inside])
        self._history.append((quiet, self._sigma_db))

    def _filled(self, floor: Floor, tile: Tiles) -> bool:
        """Whether one emission takes the whole band, from edge to edge and all the time."""
        total = float(floor.noise.sum()) / self._window.enbw_bins
        if not self._full_scale or total < 10.0 ** (FILLED_DBFS / 10.0) or floor.steady.any():
            return False
        return not is_white(tile, floor.dead)


def _clean(tile: Tiles, clipped: Real) -> Real:
    """Rows in which the converter was not overloaded."""
    return tile.mean[clipped <= CLIPPED] if clipped.any() else tile.mean


def is_white(tile: Tiles, dead: Bins) -> bool:
    """Whether a block is noise without edges, steps or pattern: bytes that nobody received.

    Neither its bins nor its rows differ by more than chance allows.
    """
    alive = tile.mean[:, ~dead]
    bins = alive.shape[1]
    level = ndimage.uniform_filter1d(alive.mean(axis=0), min(RIPPLE_BINS, bins))
    rows = alive.mean(axis=1)
    # Neighbouring bins of a Hann window correlate: 1.94 of them are worth one.
    chance = np.sqrt(1.94 / tile.k_eff / np.array([bins, RIPPLE_BINS * len(rows)]))
    steady = float(rows.std()) < max(0.03, float(2.0 * chance[0])) * float(rows.mean())
    flat = float(np.ptp(level)) < max(RIPPLE, float(10.0 * chance[1])) * float(level.mean())
    return steady and flat


def _expected_db(rank: int, sigmas_db: npt.NDArray[np.float64]) -> float:
    """How low the one of this rank is by chance alone, among estimates of unlike certainty.

    A short piece strays further than a whole block: where ``rank + 0.6`` of them are expected
    below, as for normal scores.
    """
    p = (rank + 0.6) / (len(sigmas_db) + 0.2)
    most = 8.0 * float(sigmas_db.max())
    found = optimize.brentq(lambda x: special.ndtr(x / sigmas_db).mean() - p, -most, most)
    return float(found)
