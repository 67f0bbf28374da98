"""A loud passage of a broadcast is the broadcast's; a carrier beside it is not."""

import numpy as np

from dsp.skirts import skirts

WIDTH_HZ = 2343.75
K_EFF = 176.0


def station(level_db=40.0, width=60, n_bins=868, middle=400):
    rng = np.random.default_rng(3)
    power = rng.gamma(K_EFF, 1e-6 / K_EFF, n_bins).astype(np.float32)
    power[middle - width // 2 : middle + width // 2] *= 10 ** (level_db / 10)
    return power


def test_quiet_hops_and_narrow_signals_have_no_skirts():
    assert not skirts(station(width=0), station(width=0), WIDTH_HZ, K_EFF).any()
    assert not skirts(station(width=8), station(width=8), WIDTH_HZ, K_EFF).any()


def test_skirts_fall_from_15_to_30_db_under_the_station_and_end_at_half_its_width():
    allowed_db = 10 * np.log10(skirts(station(), station(), WIDTH_HZ, K_EFF) + 1e-20)
    level_db = 10 * np.log10(1e-6) + 40.0
    np.testing.assert_allclose(allowed_db[430:432] - level_db, -15, atol=1.5)
    np.testing.assert_allclose(allowed_db[458:460] - level_db, -30, atol=2.5)
    assert allowed_db[461] == -200 and allowed_db[338] == -200
    np.testing.assert_allclose(allowed_db[340:370], allowed_db[459:429:-1], atol=0.1)


def test_a_station_at_the_edge_of_the_hop_keeps_its_inner_skirt():
    allowed = skirts(station(middle=30), station(middle=30), WIDTH_HZ, K_EFF)
    assert allowed[61] > 0
    assert allowed.shape == (868,)


def test_inside_the_station_all_its_power_may_gather_in_one_bin():
    power = station(level_db=40.0, width=60)
    total_db = 10 * np.log10(60 * 1e-2 / 1.5)
    allowed_db = 10 * np.log10(skirts(power, power, WIDTH_HZ, K_EFF)[400])
    assert abs(allowed_db - total_db) < 0.5
