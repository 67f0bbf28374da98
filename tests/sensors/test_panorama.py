"""A viewer's window: no carrier lost, nothing unseen shown as quiet."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.values import Dwell, Grid
from sensors.panorama import UNSEEN, Window, encode_levels

GRID = Grid(168.0e6, 2343.75, 854)
QUIET = 1e-9


def dwell(grid: Grid = GRID, at: int | None = None, time_ns: int = 10**9) -> Dwell:
    peak = np.full(grid.n_bins, QUIET, dtype=np.float32)
    if at is not None:
        peak[at] = 1e-3
    return Dwell(0, grid, peak, peak, 3515.0, time_ns, 0.04, 178, 8)


def window(bins: int, low: float = GRID.low_hz, high: float = GRID.high_hz) -> Window:
    return Window(low, high, bins, stale_ns=2 * 10**9)


@settings(max_examples=200, deadline=None)
@given(
    at=st.integers(0, GRID.n_bins - 1),
    bins=st.integers(1, 3000),
    low=st.floats(GRID.low_hz - 1e6, GRID.low_hz + 1e6),
    width=st.floats(5e3, 4e6),
)
def test_every_carrier_inside_is_shown_at_its_place(at, bins, low, width):
    view = window(bins, low, low + width)
    view.update(dwell(at=at))
    codes = view.row(10**9)
    carrier = GRID.freqs_hz()[at]
    bright = np.flatnonzero(codes == encode_levels([1e-3])[0])
    if low + GRID.bin_width_hz < carrier < low + width - GRID.bin_width_hz:
        assert bright.size
    for pixel in bright:
        left = view.start_hz + pixel * view.bin_width_hz
        assert left - GRID.bin_width_hz / 2 - 1 <= carrier
        assert carrier <= left + view.bin_width_hz + GRID.bin_width_hz / 2 + 1


def test_outside_the_grid_is_unseen_not_quiet():
    view = window(100, GRID.low_hz - 1e6, GRID.high_hz + 1e6)
    view.update(dwell())
    codes = view.row(10**9)
    assert codes[0] == UNSEEN and codes[-1] == UNSEEN
    assert codes[50] == encode_levels([QUIET])[0]


def test_a_burst_between_rows_stays_for_one_row_and_only_one():
    view = window(854)
    view.update(dwell(at=400, time_ns=1 * 10**9))
    view.update(dwell(time_ns=1_100_000_000))
    assert view.row(1_200_000_000)[400] == encode_levels([1e-3])[0]
    view.update(dwell(time_ns=1_300_000_000))
    assert view.row(1_400_000_000)[400] == encode_levels([QUIET])[0]


def test_what_was_not_received_repeats_and_then_becomes_unseen():
    view = window(10)
    view.update(dwell(time_ns=1 * 10**9))
    assert view.row(1 * 10**9)[3] != UNSEEN
    assert view.row(2 * 10**9)[3] != UNSEEN
    assert view.row(4 * 10**9)[3] == UNSEEN


def test_two_hops_meet_in_one_window():
    upper = Grid(GRID.stop_hz + GRID.bin_width_hz, GRID.bin_width_hz, GRID.n_bins)
    view = window(500, GRID.low_hz, upper.high_hz)
    view.update(dwell())
    assert (view.row(10**9)[260:] == UNSEEN).all()
    view.update(dwell(upper))
    assert (view.row(10**9) != UNSEEN).all()


@pytest.mark.parametrize(("power", "code"), [(1e-20, 1), (1.0, 255), (10**-13.95, 1)])
def test_codes_are_clipped_never_unseen(power, code):
    assert encode_levels([power]).tolist() == [code]
