import math

import numpy as np
import pytest

from dsp.noise import LOCAL_SCANS, excised_floor, local_floor

K = 176.0


def cells(rng, n, level=1.0):
    return (rng.gamma(K, 1 / K, n) * level).astype(np.float32)


@pytest.mark.parametrize("occupied", [0.0, 0.3, 0.6, 0.85])
def test_excision_survives_a_mostly_occupied_hop(rng, occupied):
    power = cells(rng, 866)
    power[rng.permutation(866)[: int(866 * occupied)]] *= 30
    assert excised_floor(power, K) == pytest.approx(1.0, abs=0.05)


def test_excision_of_nothing_is_not_a_number(rng):
    assert math.isnan(excised_floor(np.full(5, np.nan, dtype=np.float32), K))
    assert excised_floor(np.array([2.0, np.nan], dtype=np.float32), K) == 2.0


def test_the_local_floor_follows_a_slope_and_not_a_signal(rng):
    slope = np.linspace(1.0, 1.6, 866).astype(np.float32)
    power = cells(rng, 866) * slope
    power[300:500] *= 20
    power[[50, 51, 52, 700]] *= 1000
    assert np.abs(10 * np.log10(local_floor(power, K) / slope)).max() < 0.5


def test_a_hop_full_of_signal_has_some_floor(rng):
    assert np.isfinite(local_floor(cells(rng, 866) * 1e-3, K)).all()
    assert np.isfinite(local_floor(cells(rng, 100), K)).all()
    comb = cells(rng, 866)
    comb[::2] *= 100
    comb[1::4] *= 100
    comb[3::8] *= 100
    assert np.median(local_floor(comb, K)) < 3.0


def test_the_local_floor_is_worth_the_stated_number_of_scans(rng):
    floors = np.array([local_floor(cells(rng, 866), K) for _ in range(200)])
    assert floors.mean() == pytest.approx(1.0, abs=0.01)
    worth = 1 / K / floors.var(axis=0).mean()
    assert worth > 0.8 * LOCAL_SCANS
