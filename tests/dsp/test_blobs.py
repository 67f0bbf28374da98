"""Where a blob is cut: at a valley that loud moments bridge, not inside what hangs together."""

from __future__ import annotations

import numpy as np

from dsp.blobs import channels

ROWS = 200


def field(levels, bridged):
    """Cells of bins at these levels, the weak ones marked in a share of the rows."""
    power = np.tile(np.asarray(levels, dtype=np.float32), (ROWS, 1))
    cells = power > 5.0
    cells[: round(bridged * ROWS)] = True
    return cells, power


TWO = [50, 100, 50, 1, 1, 1, 40, 80, 40]


def test_two_channels_bridged_now_and_then_are_two():
    assert channels(*field(TWO, 0.2)) == [(0, 2), (6, 8)]


def test_what_is_bridged_most_of_the_time_is_one():
    assert channels(*field(TWO, 0.7)) == [(0, 8)]


def test_a_shallow_valley_is_no_border():
    assert channels(*field([50, 100, 50, 9, 9, 9, 40, 80, 40], 0.2)) == [(0, 8)]


def test_blips_on_a_line_are_not_cut_out_of_what_they_belong_to():
    cells, power = field(TWO, 0.2)
    cells[:, 6:] &= (np.arange(ROWS) % 10 == 0)[:, None]
    cells[:40, 6:] = True
    assert channels(cells, power) == [(0, 8)]


def test_short_things_are_left_as_they_are():
    cells, power = field(TWO, 0.2)
    assert channels(cells[:20], power[:20]) == [(0, 8)]
