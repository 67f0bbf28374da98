"""How long a stretch of time a viewer's row stands for."""

from types import SimpleNamespace

import numpy as np
import pytest

from dsp.values import Dwell, Grid
from sensors.messages import SpectrumRow, Watch
from sensors.viewers import ROW_S, Viewers

GRID = Grid(167e6, 2400.0, 800)
LISTENER = SimpleNamespace(
    plan=None, latest={}, task=SimpleNamespace(sensor="s/a", dwell_s=0.02, nfft=1024)
)


class Link:
    """Takes rows; somebody watches one window."""

    def __init__(self, start_hz=167e6):
        self.rows = []
        self.watches = [Watch("s/a", start_hz, 168e6, 100, credit=9, watch=1)]

    def offer(self, _watch, message):
        if isinstance(message, SpectrumRow):
            self.rows.append(message.duration_s)

    def viewed(self, _sensor):
        return False


def dwell(now_s):
    level = np.full(GRID.n_bins, 1e-6, np.float32)
    return Dwell(0, GRID, level, level, 3600.0, round(now_s * 1e9), 0.02, 10, 4)


def shown(times_s, link):
    viewers = Viewers(link, {"s/a": LISTENER})
    for now_s in times_s:
        viewers.send(now_s)
        viewers.dwell("s/a", dwell(now_s))
        viewers.send(now_s)
    return link.rows


def test_the_first_row_of_a_window_reaches_back_no_farther_than_a_row():
    assert shown([1000.0], Link()) == [ROW_S]


def test_a_row_reaches_back_to_the_one_before():
    assert shown([1000.0, 1000.5, 1002.5], Link()) == [ROW_S, 0.5, 2.0]


def test_a_row_after_a_silence_does_not_cover_it():
    assert shown([1000.0, 1050.0], Link()) == [ROW_S, pytest.approx(4.0)]


def test_another_window_begins_anew():
    link = Link()
    viewers = Viewers(link, {"s/a": LISTENER})
    for now_s, start_hz in ((1000.0, 167e6), (1003.0, 167.2e6)):
        link.watches = Link(start_hz).watches
        viewers.send(now_s)
        viewers.dwell("s/a", dwell(now_s))
        viewers.send(now_s)
    assert link.rows == [ROW_S, ROW_S]
