"""How likely a message was heard, from the visits that really took place: exact, not a formula.

A message that starts at t and lasts T is heard by a visit [s, e) when the two overlap by at least
``touch_s``, that is for t in [s + touch - T, e - touch].  The measure of the union of these
intervals, over the measure of all starts, is the probability.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]
Spans = list[tuple[float, float]]

TOUCH_S = 0.005
"""One sub-block of a dwell: what the burst look needs of a message."""


def union(starts: Seconds, stops: Seconds) -> tuple[Seconds, Seconds]:
    """Merge intervals that touch or overlap; empty ones vanish.

    Parameters
    ----------
    starts, stops : float64, shape (n,)
        In any order.

    Returns
    -------
    starts, stops : float64, shape (m,)
        Ascending and disjoint.

    Examples
    --------
    >>> [part.tolist() for part in union(np.array([3.0, 0.0, 1.0]), np.array([4.0, 1.5, 2.0]))]
    [[0.0, 3.0], [2.0, 4.0]]
    """
    keep = stops > starts
    order = np.argsort(starts[keep], kind="stable")
    starts, stops = starts[keep][order], stops[keep][order]
    if starts.shape[0] == 0:
        return starts, stops
    reach = np.maximum.accumulate(stops)
    new = np.concatenate(([True], starts[1:] > reach[:-1]))
    last = np.concatenate((np.flatnonzero(new)[1:] - 1, [starts.shape[0] - 1]))
    return starts[new], reach[last]


def covered_s(starts: Seconds, stops: Seconds, low: float, high: float) -> float:
    """Time inside [low, high] that at least one interval covers."""
    starts, stops = union(np.maximum(starts, low), np.minimum(stops, high))
    return float((stops - starts).sum())


def heard_share(
    starts: Seconds,
    stops: Seconds,
    message_s: float,
    low: float,
    high: float,
    touch_s: float = TOUCH_S,
) -> float:
    """Probability that a message of this length inside the window was touched by a visit.

    Parameters
    ----------
    starts, stops : float64, shape (n,)
        Visits of one frequency, seconds, by any number of receivers.
    message_s : float
    low, high : float
        The window; a message starts anywhere in it with equal probability and ends inside it.
    touch_s : float
        Smallest overlap that counts; a message shorter than this must be heard whole.

    Returns
    -------
    float
        NaN where the window is shorter than the message.

    Examples
    --------
    One 40 ms visit every 2 s, messages of 0.5 s: (0.5 + 0.04 - 2 x 0.005) / 2.

    >>> starts = np.arange(-10.0, 110.0, 2.0)
    >>> round(heard_share(starts, starts + 0.04, 0.5, 0.0, 100.5), 4)
    0.265
    """
    last = high - message_s
    if last <= low:
        return float("nan")
    touch_s = min(touch_s, message_s)
    long_enough = stops - starts >= touch_s
    starts, stops = starts[long_enough], stops[long_enough]
    heard_s = covered_s(starts + touch_s - message_s, stops - touch_s, low, last)
    return min(heard_s / (last - low), 1.0)


def longest_gap_s(starts: Seconds, stops: Seconds, low: float, high: float) -> float:
    """Longest time inside the window without a visit; the whole window where there is none."""
    starts, stops = union(np.maximum(starts, low), np.minimum(stops, high))
    edges = np.concatenate(([low], stops)), np.concatenate((starts, [high]))
    return float((edges[1] - edges[0]).max())


def slices(low_hz: float, high_hz: float, spans: Spans) -> list[tuple[float, float, list[int]]]:
    """Cut a band where spans begin or end.

    Parameters
    ----------
    low_hz, high_hz : float
    spans : list of (low_hz, high_hz)

    Returns
    -------
    list of (low_hz, high_hz, indices)
        Parts of the band in order, each with the spans that cover it whole; a part that none
        covers has no index.

    Examples
    --------
    >>> slices(0.0, 10.0, [(-1.0, 6.0), (4.0, 8.0)])
    [(0.0, 4.0, [0]), (4.0, 6.0, [0, 1]), (6.0, 8.0, [1]), (8.0, 10.0, [])]
    """
    inside = [edge for span in spans for edge in span if low_hz < edge < high_hz]
    edges = sorted({low_hz, high_hz, *inside})
    return [
        (a, b, [i for i, (low, high) in enumerate(spans) if low <= a and high >= b])
        for a, b in pairwise(edges)
    ]
