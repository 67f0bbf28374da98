"""How well each guard band is watched now, from the visits that really took place."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dsp.intercept import heard_share, longest_gap_s, slices
from dsp.plan import Band
from sensors.messages import BandWatch

HORIZON_S = 60.0
"""What "now" means: visits older than this no longer count."""

MESSAGE_S = 2.0
"""Length of the message whose chance is shown."""

MAX_VISITS = 2048
"""Kept for each hop: 60 s of staring with short dwells.  Oldest are forgotten first."""

Visits = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


class Coverage:
    """Visits of the hops of one plan, by one dongle or by all that share it.

    Parameters
    ----------
    bands : sequence of Band
    spans : list of (low_hz, high_hz)
        What each hop keeps.
    """

    def __init__(self, bands: Sequence[Band], spans: list[tuple[float, float]]) -> None:
        self._bands = tuple(bands)
        self._spans = spans
        self._visits: list[deque[tuple[float, float]]] = [deque(maxlen=MAX_VISITS) for _ in spans]
        self._began_s = math.inf

    def visit(self, hop: int, time_ns: int, duration_s: float) -> None:
        """Note one dwell."""
        start_s = time_ns / 1e9
        self._began_s = min(self._began_s, start_s)
        self._visits[hop].append((start_s, start_s + duration_s))

    def watches(self, now_ns: int, bands: Sequence[Band] | None = None) -> list[BandWatch]:
        """Longest time unwatched and chance of having heard one 2 s message, for each band.

        Parameters
        ----------
        now_ns : int
        bands : sequence of Band, optional
            Parts of bands (`dsp.division.parts_of`); default all bands whole.
        """
        high = now_ns / 1e9
        low = max(high - HORIZON_S, self._began_s)
        recent = [self._recent(visits, low - MESSAGE_S) for visits in self._visits]
        return [
            BandWatch(
                name=band.name,
                start_hz=band.start_hz,
                stop_hz=band.stop_hz,
                revisit_s=max(self._gap_s(hops, recent, low, high) for _, _, hops in parts),
                p_2s=self._chance(band, parts, recent, low, high),
            )
            for band, parts in (
                (band, slices(band.start_hz, band.stop_hz, self._spans))
                for band in (self._bands if bands is None else bands)
            )
        ]

    @staticmethod
    def _recent(visits: deque[tuple[float, float]], since_s: float) -> Visits:
        while visits and visits[0][1] < since_s:
            visits.popleft()
        pairs = np.array(visits, dtype=np.float64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    @staticmethod
    def _together(hops: list[int], recent: list[Visits]) -> Visits:
        if not hops:
            return np.empty(0), np.empty(0)
        return (
            np.concatenate([recent[hop][0] for hop in hops]),
            np.concatenate([recent[hop][1] for hop in hops]),
        )

    def _gap_s(self, hops: list[int], recent: list[Visits], low: float, high: float) -> float:
        if high <= low:
            return HORIZON_S
        return min(longest_gap_s(*self._together(hops, recent), low, high), HORIZON_S)

    def _chance(
        self,
        band: Band,
        parts: list[tuple[float, float, list[int]]],
        recent: list[Visits],
        low: float,
        high: float,
    ) -> float:
        """Mean over the band's width; what no hop covers, or was not yet, counts as not heard."""
        heard = 0.0
        for start_hz, stop_hz, hops in parts:
            share = heard_share(*self._together(hops, recent), MESSAGE_S, low, high)
            if not math.isnan(share):
                heard += (stop_hz - start_hz) * share
        return min(max(heard / (band.stop_hz - band.start_hz), 0.0), 1.0)
