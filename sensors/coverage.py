"""How well each guard band is watched now, from the visits that really took place."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from sensors.bands import GuardBand
from sensors.messages import BandWatch

HORIZON_S = 60.0
"""What "now" means: visits older than this no longer count."""

MAX_VISITS = 1024
"""Kept for each hop: 60 s of staring at 17 dwells a second.  Oldest are forgotten first."""


def heard_share(starts_s: list[float], dwell_s: float, message_s: float, now_s: float) -> float:
    """Share of message start times for which a visit touches the message.

    A message of length T that starts at t is touched by a dwell [s, s + d] when
    ``s - T < t < s + d``: of the time between two visit starts, ``min(interval, T + d)`` is good.
    The time since the last visit counts as an interval that is still open, so that a hop which
    is no longer visited loses its probability as time passes.

    Parameters
    ----------
    starts_s : list of float
        Ascending.
    dwell_s, message_s, now_s : float

    Returns
    -------
    float
        0 without visits.
    """
    if not starts_s:
        return 0.0
    reach_s = message_s + dwell_s
    intervals = [later - earlier for earlier, later in pairwise(starts_s)]
    open_s = now_s - starts_s[-1]
    if not intervals or open_s > max(intervals):
        intervals.append(max(open_s, 1e-9))
    return sum(min(interval, reach_s) for interval in intervals) / sum(intervals)


class Coverage:
    """Visits of one dongle's hops.

    Parameters
    ----------
    bands : tuple of GuardBand
    spans : list of (low_hz, high_hz)
        What each hop keeps.
    """

    def __init__(self, bands: tuple[GuardBand, ...], spans: list[tuple[float, float]]) -> None:
        self._bands = bands
        self._spans = spans
        self._starts_s: list[deque[float]] = [deque(maxlen=MAX_VISITS) for _ in spans]
        self._dwell_s = [0.0 for _ in spans]

    def visit(self, hop: int, time_ns: int, duration_s: float) -> None:
        """Note one dwell."""
        self._starts_s[hop].append(time_ns / 1e9)
        self._dwell_s[hop] = duration_s

    def watches(self, now_ns: int) -> list[BandWatch]:
        """Revisit time and chance of hearing one 2 s message, for each band."""
        now_s = now_ns / 1e9
        for starts in self._starts_s:
            while len(starts) > 1 and now_s - starts[0] > HORIZON_S:
                starts.popleft()
        return [
            BandWatch(
                name=band.name,
                start_hz=band.start_hz,
                stop_hz=band.stop_hz,
                revisit_s=max((self._revisit_s(h, now_s) for h, _ in hops), default=0.0),
                p_2s=self._chance(hops, band, now_s),
            )
            for band in self._bands
            for hops in [self._inside(band)]
        ]

    def _inside(self, band: GuardBand) -> list[tuple[int, float]]:
        """Hops that overlap a band, with the width that they share."""
        shared = (
            (hop, min(high, band.stop_hz) - max(low, band.start_hz))
            for hop, (low, high) in enumerate(self._spans)
        )
        return [(hop, width) for hop, width in shared if width > 0]

    def _chance(self, hops: list[tuple[int, float]], band: GuardBand, now_s: float) -> float:
        """Mean over the band's width; parts that no hop covers count as never heard."""
        heard = sum(
            width * heard_share(list(self._starts_s[hop]), self._dwell_s[hop], 2.0, now_s)
            for hop, width in hops
        )
        return min(heard / (band.stop_hz - band.start_hz), 1.0)

    def _revisit_s(self, hop: int, now_s: float) -> float:
        """Longest recent interval, the open one included."""
        starts = self._starts_s[hop]
        if not starts:
            return HORIZON_S
        return max(*(b - a for a, b in pairwise(starts)), now_s - starts[-1], 0.0)
