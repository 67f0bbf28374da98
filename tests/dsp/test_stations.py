import numpy as np
import pytest

from dsp.stations import LASTING, StationWatch, stations_of
from dsp.values import Dwell, Grid, Reference

GRID = Grid(88e6, 2343.75, 850)
FLOOR = np.float32(1e-7)


def reference(stations):
    typical = np.full(850, FLOOR)
    for low, high, level in stations:
        typical[low:high] = level
    nothing = np.zeros(850, dtype=np.float32)
    floor, masked = np.full(850, FLOOR), nothing.astype(bool)
    return Reference(GRID, floor, typical, typical, nothing, nothing, typical, masked, 100)


def dwell(rng, levels, second):
    mean = np.full(850, FLOOR)
    for low, high, level in levels:
        mean[low:high] = level
    mean = (mean * rng.gamma(176, 1 / 176, 850)).astype(np.float32)
    return Dwell(0, GRID, mean, mean, 3515.6, second * 10**9, 0.04, 186, 8)


FM = (100, 180, 1e-4)
CARRIER = (500, 503, 1e-5)


def test_stations_are_the_steady_emissions_a_broadcast_in_pieces_is_one():
    pieces = [(100, 130, 1e-4), (136, 150, 1e-4), (155, 180, 1e-5), CARRIER]
    broadcast, carrier = stations_of(reference(pieces))
    assert (broadcast.first, broadcast.last) == (100, 179)
    assert broadcast.low_hz == pytest.approx(88e6 + 99.5 * 2343.75)
    assert (carrier.first, carrier.last) == (500, 502)


@pytest.mark.parametrize(("left", "kind"), [(1e-5, "weaker"), (1e-7, "vanished")])
def test_a_lasting_loss_is_said_once_and_so_is_the_return(rng, left, kind):
    watch = StationWatch(reference([FM, CARRIER]))
    said = []
    for second in range(1, 60):
        level = left if 20 <= second < 40 else FM[2]
        said += watch.update(dwell(rng, [(100, 180, level), CARRIER], second))
    assert [(c.kind, c.since_ns // 10**9) for c in said] == [(kind, 20), ("back", 40)]
    assert all(change.station.first == 100 for change in said)
    assert said[0].change_db == pytest.approx(10 * np.log10(left / FM[2]), abs=0.5)


def test_a_short_fade_and_a_weak_one_are_not_said(rng):
    watch = StationWatch(reference([FM]))
    for second in range(1, 40):
        level = 1e-6 if second % 10 < LASTING - 1 else 0.4 * FM[2]
        assert watch.update(dwell(rng, [(100, 180, level)], second)) == []


def test_without_stations_there_is_nothing_to_say(rng):
    assert StationWatch(reference([])).update(dwell(rng, [], 1)) == []
