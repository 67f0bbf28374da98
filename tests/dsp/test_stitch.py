from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.signals import Detection
from dsp.stitch import dedupe, stitch
from dsp.values import Dwell, Grid


def dwell(start_bin, values, hop=0):
    power = np.asarray(values, dtype=np.float32)
    grid = Grid(start_bin * 2500.0, 2500.0, len(values))
    return Dwell(hop, grid, power, 2 * power, 3750.0, 1000 * hop, 1e-6, 9, 1)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=6))
def test_every_bin_is_the_largest_of_those_that_saw_it_or_unseen(parts):
    dwells = [dwell(start, np.arange(n) + start, k) for k, (start, n) in enumerate(parts)]
    spectrum = stitch(dwells)
    expected = {}
    for start, n in parts:
        for k in range(n):
            expected[start + k] = max(expected.get(start + k, -1), k + start)
    first = min(start for start, _ in parts)
    for index in range(spectrum.grid.n_bins):
        if first + index in expected:
            assert spectrum.mean[index] == expected[first + index]
            assert spectrum.peak[index] == 2 * expected[first + index]
        else:
            assert np.isnan(spectrum.mean[index])


def test_a_given_grid_cuts_and_leaves_the_rest_unseen():
    spectrum = stitch([dwell(10, [1, 2, 3, 4])], Grid(12 * 2500.0, 2500.0, 5))
    np.testing.assert_array_equal(spectrum.mean, [3, 4, np.nan, np.nan, np.nan])
    assert spectrum.time_ns == 0


def test_another_raster_is_refused():
    other = replace(dwell(10, [1, 2]), grid=Grid(10.4 * 2500.0, 2500.0, 2))
    with pytest.raises(ValueError, match="raster"):
        stitch([dwell(10, [1, 2]), other])
    with pytest.raises(ValueError, match="no dwells"):
        stitch([])


def seen(center, width, hop, power=-50.0, doubts=()):
    low, high = center - width / 2, center + width / 2
    return Detection(
        center, width, low, high, 20, 20, power, power, -70, 0, 0.04, "mean", 1.0, hop, doubts
    )


def test_a_signal_on_the_seam_is_one_and_the_whole_one_is_kept():
    whole, cut = seen(170e6, 10e3, 0, -50), seen(170.002e6, 6e3, 1, -48, ("edge",))
    other = seen(170.1e6, 10e3, 1)
    assert dedupe([cut, other, whole]) == [whole, other]


def test_two_signals_of_one_hop_stay_two():
    pair = [seen(170e6, 10e3, 0), seen(170.004e6, 10e3, 0)]
    assert dedupe(pair) == pair
