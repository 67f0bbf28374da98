"""The order in which one dongle of several learns a place: its own hops first, the others' too."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from dsp.plan import Hop

OTHERS = 0.25
"""Share of the time for hops of the other dongles, so that one which stands in for another compares
with what it has learnt itself, from fewer dwells."""


def survey_sweep(
    hops: Sequence[Hop], place: tuple[int, int] = (0, 1), *, begun: bool = False
) -> Iterator[Hop]:
    """Yield hops without end.

    The first sweep is over all of them, so that each was visited however short the survey is.  From
    then on N dongles learn each hop N times (1 - `OTHERS`) as often as one alone would.

    Parameters
    ----------
    hops : sequence of Hop
        Of the plan.
    place : tuple of int
        Its number among the dongles of the place, and how many there are.
    begun : bool
        The first sweep has been.
    """
    number, count = place
    order = sorted(hops, key=lambda hop: hop.center_freq_hz)
    first, last = len(order) * number // count, len(order) * (number + 1) // count
    mine, others = order[first:last] or order, order[:first] + order[last:]
    turn = math.ceil(len(mine) * OTHERS / (1 - OTHERS)) if first < last else 0
    if not begun:
        yield from hops
    rest = cycle(others)
    while True:
        yield from mine
        yield from islice(rest, turn)
