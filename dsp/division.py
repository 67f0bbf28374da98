"""Who visits what: the hops of one place divided among the dongles that stand there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .plan import Band, Plan, Share

RESERVE = 0.05
"""Share of the time kept for bands that lost, so that none is never looked at."""


@dataclass(frozen=True, slots=True)
class Division:
    """Hops of every dongle and how soon each comes again.

    Attributes
    ----------
    shares : tuple of Share
        What each band gets; ``utilisation`` is its part of all dongles' time together.
    hops : tuple of tuple of int
        For each dongle the indices of its hops, ascending in frequency.
    revisit_s : tuple of float
        By hop.
    utilisation : float
        Time that all wishes together ask for, over the time that there is; above 1 somebody loses.
    """

    shares: tuple[Share, ...]
    hops: tuple[tuple[int, ...], ...]
    revisit_s: tuple[float, ...]
    utilisation: float

    @property
    def losers(self) -> tuple[Share, ...]:
        """Bands whose deadline cannot be met."""
        return tuple(share for share in self.shares if not share.met)


def divide(plan: Plan, hop_times_s: Sequence[float]) -> Division:
    """Divide a plan's hops among dongles so that each is equally busy.

    Time is first granted to bands: priorities in order, within one priority everybody is stretched
    alike, and what is left over is used.  Then the hops are laid out by frequency and cut into as
    many pieces as there are dongles (McNaughton's wrap-around rule): every dongle has a contiguous
    stretch of spectrum, at most one band fewer than dongles is split, and each dongle's
    earliest-deadline-first utilisation is the same to within one hop.

    Parameters
    ----------
    plan : Plan
    hop_times_s : sequence of float
        Measured for each dongle: tuning, settling, dwell and overhead.

    Raises
    ------
    ValueError
        There is no dongle.

    References
    ----------
    C. L. Liu, J. W. Layland, J. ACM 20(1), 1973 (earliest deadline first is feasible up to a
    utilisation of 1); R. McNaughton, Management Science 6(1), 1959.
    """
    if not hop_times_s or min(hop_times_s) <= 0:
        raise ValueError(f"{hop_times_s=}: no dongle, or one that needs no time")
    speeds = [1 / hop_s for hop_s in hop_times_s]
    counts = [len(plan.hops_of(i)) for i in range(len(plan.bands))]
    asked = [
        n / band.max_revisit_s / sum(speeds) for n, band in zip(counts, plan.bands, strict=True)
    ]
    given = _grant(plan, asked)
    granted_s = [n / (part * sum(speeds)) for n, part in zip(counts, given, strict=True)]
    wish_s = [granted_s[hop.band] for hop in plan.hops]
    pieces = _cut(plan, wish_s, speeds)
    revisit_s = list(wish_s)
    for piece, hop_s in zip(pieces, hop_times_s, strict=True):
        # The cut is exact to one hop only; every dongle uses its time up.
        load = sum(hop_s / wish_s[i] for i in piece)
        for i in piece:
            revisit_s[i] = wish_s[i] * load
    shares = []
    for i, band in enumerate(plan.bands):
        worst_s = max(revisit_s[hop.index] for hop in plan.hops_of(i))
        used = sum(1 / revisit_s[hop.index] for hop in plan.hops_of(i)) / sum(speeds)
        met = worst_s <= band.max_revisit_s * (1 + 1e-9)
        shares.append(Share(band, counts[i], band.max_revisit_s, worst_s, used, met))
    return Division(tuple(shares), pieces, tuple(revisit_s), sum(asked))


def dongles_needed(plan: Plan, hop_time_s: float) -> int:
    """How many equal dongles meet every deadline.

    Examples
    --------
    >>> from dsp.plan import Band, make_plan
    >>> dongles_needed(make_plan([Band("tv3-low", 167e6, 175e6, 0.25)]), 0.06)
    1
    >>> dongles_needed(make_plan([Band("tv3-low", 167e6, 175e6, 0.25)]), 0.07)
    2
    """
    fewest = max(1, math.ceil(plan.utilisation(hop_time_s) * (1 - 1e-9)))
    # What the cut wastes may ask for one more; no plan asks for more than a dongle for each hop.
    for count in range(fewest, fewest + 3):
        if not divide(plan, [hop_time_s] * count).losers:
            return count
    return fewest + 3


def parts_of(plan: Plan, hops: Sequence[int]) -> list[Band]:
    """Describe some of a plan's hops as (parts of) its bands.

    Parameters
    ----------
    plan : Plan
    hops : sequence of int
        Indices.

    Returns
    -------
    list of Band
        One for each run of neighbouring hops of one band, cut where the next hop begins.
    """
    mine = set(hops)
    parts: list[Band] = []
    for number, band in enumerate(plan.bands):
        members = plan.hops_of(number)
        for place, hop in enumerate(members):
            if hop.index not in mine:
                continue
            start_hz = band.start_hz if place == 0 else hop.grid.low_hz
            last = place == len(members) - 1
            stop_hz = band.stop_hz if last else members[place + 1].grid.low_hz
            if place and members[place - 1].index in mine:
                parts[-1] = replace(parts[-1], stop_hz=stop_hz)
            else:
                parts.append(replace(band, start_hz=start_hz, stop_hz=stop_hz))
    return sorted(parts, key=lambda part: part.start_hz)


def _grant(plan: Plan, asked: list[float]) -> list[float]:
    """Shares of the whole time, by band."""
    total = sum(asked)
    if total <= 1:
        return [share / total for share in asked]
    given, left = list(asked), 1.0
    priorities = sorted({band.priority for band in plan.bands})
    for place, priority in enumerate(priorities):
        members = [i for i, band in enumerate(plan.bands) if band.priority == priority]
        wish = sum(asked[i] for i in members)
        later = RESERVE if place < len(priorities) - 1 else 0.0
        grant = min(wish, max(left - later, min(left, RESERVE) / 2))
        for i in members:
            given[i] = asked[i] / wish * grant
        left -= grant
    return given


def _cut(
    plan: Plan, revisit_s: Sequence[float], speeds: Sequence[float]
) -> tuple[tuple[int, ...], ...]:
    """Lay the hops out by frequency and cut where the busiest dongle has least to do."""
    order = sorted(range(len(plan.hops)), key=lambda i: plan.hops[i].center_freq_hz)
    work = [1 / revisit_s[i] for i in order]
    low, high = sum(work) / sum(speeds), sum(work) / min(speeds)
    best = _fill(work, [high * speed for speed in speeds])
    for _ in range(24):
        limit = (low + high) / 2
        ends = _fill(work, [limit * speed for speed in speeds])
        if ends is None:
            low = limit
        else:
            high, best = limit, ends
    assert best is not None, "one dongle alone can take everything at the highest limit"
    starts = [0, *best[:-1]]
    return tuple(tuple(order[a:b]) for a, b in zip(starts, best, strict=True))


def _fill(work: Sequence[float], limits: Sequence[float]) -> list[int] | None:
    """Ends of the pieces when each is filled up to its limit; None where something is left."""
    ends: list[int] = []
    at = 0
    for limit in limits:
        filled = 0.0
        while at < len(work) and filled + work[at] <= limit * (1 + 1e-9):
            filled += work[at]
            at += 1
        ends.append(at)
    return ends if at == len(work) else None
