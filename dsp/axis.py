"""One frequency axis over disjoint bands: what lies between them is left out and marked as a break.

Each band gets a share of the axis that grows with the root of its width, so that a narrow band
that matters stays readable beside a wide one; inside a band the axis is linear, as on the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

TOUCH_HZ = 1e3
"""Bands nearer than this are one."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One band on the axis.

    Attributes
    ----------
    start_hz, stop_hz : float
    x0, x1 : float
        Where it lies, 0 the left end of the whole axis and 1 the right one.
    """

    start_hz: float
    stop_hz: float
    x0: float
    x1: float

    def x_of(self, freq_hz: float) -> float:
        """Place of a frequency of this band."""
        part = (freq_hz - self.start_hz) / (self.stop_hz - self.start_hz)
        return self.x0 + part * (self.x1 - self.x0)


def join_bands(bands: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Sort bands and join those that touch.

    Examples
    --------
    >>> join_bands([(229e6, 231e6), (167e6, 175e6), (231e6, 233e6)])
    [(167000000.0, 175000000.0), (229000000.0, 233000000.0)]
    """
    joined: list[tuple[float, float]] = []
    for start_hz, stop_hz in sorted(bands):
        if joined and start_hz <= joined[-1][1] + TOUCH_HZ:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop_hz))
        else:
            joined.append((start_hz, stop_hz))
    return joined


def pieces_of(bands: Iterable[tuple[float, float]], gap: float = 0.02) -> list[Piece]:
    """Lay bands out on an axis from 0 to 1.

    Parameters
    ----------
    bands : iterable of (start_hz, stop_hz)
        In any order; those that touch become one piece.
    gap : float
        Width of a break, at most half of the axis in all.

    Examples
    --------
    >>> [(round(p.x0, 2), round(p.x1, 2)) for p in pieces_of([(1e8, 1.04e8), (2e8, 2.01e8)], 0.1)]
    [(0.0, 0.6), (0.7, 1.0)]
    """
    joined = join_bands(bands)
    if not joined:
        return []
    gap = min(gap, 0.5 / len(joined))
    total = sum(math.sqrt(stop_hz - start_hz) for start_hz, stop_hz in joined)
    room = 1.0 - gap * (len(joined) - 1)
    pieces, x = [], 0.0
    for start_hz, stop_hz in joined:
        wide = room * math.sqrt(stop_hz - start_hz) / total
        pieces.append(Piece(start_hz, stop_hz, x, x + wide))
        x += wide + gap
    return pieces


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5 x 10^k that is not below ``least``.

    Examples
    --------
    >>> nice_step(0.3), nice_step(21.0)
    (0.5, 50.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9))
