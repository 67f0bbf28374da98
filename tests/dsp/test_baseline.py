import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from dsp.baseline import Baseline, Learner
from dsp.compare import differences, survey_emitters
from dsp.histogram import Histograms
from dsp.identity import BaselineMismatch, Identity
from dsp.plan import Band, make_plan
from dsp.units import db
from dsp.values import Dwell

PLAN = make_plan([Band("b", 168e6, 171e6, 1.0)])
IDENTITY = Identity("0001", "whip", 40.2, 2.4e6, 1024, "hann", PLAN.digest)
FLOOR = 1e-7
SECOND = 10**9


def dwell(rng, hop, second, signals=(), floor=FLOOR):
    """Bins as 176 and 8 x 22 averages of noise give them, with flat signals (low, high, dBFS)."""
    grid = PLAN.hops[hop].grid
    level = np.full(grid.n_bins, floor)
    for low_hz, high_hz, dbfs in signals:
        level[grid.window(low_hz, high_hz)] += 10 ** (dbfs / 10)
    blocks = rng.gamma(22.0, 1 / 22.0, (8, grid.n_bins)) * level
    return Dwell(
        hop,
        grid,
        blocks.mean(axis=0).astype(np.float32),
        blocks.max(axis=0).astype(np.float32),
        3515.6,
        second * SECOND,
        0.04,
        186,
        8,
        center_freq_hz=PLAN.hops[hop].center_freq_hz,
    )


def survey(rng, scans, signals=lambda second: (), identity=IDENTITY, first=1):
    learner = Learner(identity, PLAN)
    for second in range(first, first + scans):
        for hop in range(len(PLAN.hops)):
            learner.learn(dwell(rng, hop, second, signals(second)))
    return learner.freeze()


def test_a_quiet_floor_is_learnt_to_a_tenth_of_a_decibel(rng):
    reference = survey(rng, 100).at(0)
    assert np.abs(db(reference.floor / FLOOR)).max() < 0.2
    assert np.abs(db(reference.typical_mean / FLOOR)).max() < 0.4
    assert not reference.traffic_mean.any()
    assert reference.scans == 100


def test_bursty_traffic_raises_its_own_bins_and_not_the_neighbours(rng):
    carrier = (169.0e6, 169.01e6, -50.0)
    baseline = survey(rng, 200, lambda second: (carrier,) if second % 20 == 0 else ())
    reference = baseline.at(0)
    own = reference.grid.window(*carrier[:2])
    assert np.abs(db(reference.traffic_peak[own]) + 50.0).max() < 3.5
    others = np.ones(reference.grid.n_bins, dtype=bool)
    others[own] = False
    assert not reference.traffic_peak[others].any()
    # The floor of its bins is what they show in the pauses, not the average with the bursts.
    assert np.abs(db(reference.floor[own] / FLOOR)).max() < 0.5


def test_a_steady_carrier_is_the_typical_level(rng):
    reference = survey(rng, 50, lambda second: ((169.0e6, 169.01e6, -50.0),)).at(0)
    own = reference.grid.window(169.0e6, 169.01e6)
    assert np.abs(db(reference.typical_mean[own]) + 50.0).max() < 0.5


def test_merged_surveys_are_one_survey(rng):
    signals = lambda second: ((169.0e6, 169.01e6, -50.0),) if second > 20 else ()  # noqa: E731
    learner = Learner(IDENTITY, PLAN)
    parts = [Learner(IDENTITY, PLAN), Learner(IDENTITY, PLAN)]
    for second in range(1, 41):
        for hop in range(len(PLAN.hops)):
            each = dwell(rng, hop, second, signals(second))
            learner.learn(each)
            parts[second % 2].learn(each)
    whole = learner.freeze()
    first, second = (part.freeze() for part in parts)
    for merged in (first.merge(second), second.merge(first)):
        for mine, theirs in zip(merged.counts, whole.counts, strict=True):
            for name, array in theirs.arrays().items():
                np.testing.assert_allclose(mine.arrays()[name], array, rtol=1e-12, err_msg=name)
    assert first.scans == 20  # merging left its parts alone


def test_it_comes_back_from_its_arrays_with_the_same_hash(rng):
    baseline = survey(rng, 5).refuse([(169e6, 169.1e6)])
    arrays = {name: array.copy() for name, array in baseline.arrays()}
    again = Baseline.from_arrays(arrays)
    assert again.hash == baseline.hash
    assert again.identity == IDENTITY
    assert again.refused_hz == ((169e6, 169.1e6),)
    arrays["hop0_max_peak"] = arrays["hop0_max_peak"] * np.float32(2)
    assert Baseline.from_arrays(arrays).hash != baseline.hash


def test_damaged_or_foreign_arrays_are_refused_in_words(rng):
    arrays = dict(survey(rng, 2).arrays())
    with pytest.raises(ValueError, match="not a baseline"):
        Baseline.from_arrays({})
    with pytest.raises(ValueError, match="'hist_mean' is missing or damaged"):
        Baseline.from_arrays({k: v for k, v in arrays.items() if k != "hop1_hist_mean"})
    old = np.frombuffer(bytes(arrays["metadata"]).replace(b'"format": 2', b'"format": 0'), np.uint8)
    with pytest.raises(ValueError, match="format 0"):
        Baseline.from_arrays(arrays | {"metadata": old})


def test_it_cannot_be_changed(rng):
    baseline = survey(rng, 3)
    with pytest.raises(ValueError, match="read-only"):
        baseline.counts[0].max_peak[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        baseline.counts[0].learn(dwell(rng, 0, 9))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("serial", "0002"),
        ("antenna", "yagi"),
        ("gain_db", 37.2),
        ("plan", "another"),
        ("nfft", 2048),
        ("site_state", "jammer on"),
    ],
)
def test_other_conditions_are_refused_naming_both(rng, field, value):
    other = replace(IDENTITY, **{field: value})
    with pytest.raises(BaselineMismatch) as error:
        IDENTITY.require(other)
    assert error.value.field == field
    assert repr(value) in str(error.value)
    assert repr(getattr(IDENTITY, field)) in str(error.value)


def test_another_ppm_is_not_another_receiver():
    IDENTITY.require(replace(IDENTITY, ppm=1.5))


def test_merging_and_comparing_refuse_another_gain(rng):
    one = survey(rng, 2)
    other = Baseline(replace(IDENTITY, gain_db=20.7), one.counts)
    with pytest.raises(BaselineMismatch, match="gain_db"):
        one.merge(other)
    with pytest.raises(BaselineMismatch, match="gain_db"):
        differences(one, other)


def test_a_hop_never_visited_is_named(rng):
    learner = Learner(IDENTITY, PLAN)
    learner.learn(dwell(rng, 0, 1))
    with pytest.raises(ValueError, match=r"hops \[1\] were never visited"):
        learner.freeze()


def test_a_learner_refuses_a_plan_that_is_not_its_identitys():
    with pytest.raises(BaselineMismatch, match="plan"):
        Learner(replace(IDENTITY, plan="x"), PLAN)


def test_an_emitter_of_the_survey_is_listed_and_not_silently_learnt(rng):
    carrier = (169.0e6, 169.01e6, -50.0)
    steady = (170.2e6, 170.3e6, -40.0)
    on = (10, 11, 12, 30)
    baseline = survey(rng, 40, lambda second: (steady, carrier) if second in on else (steady,))
    (emitter,) = survey_emitters(baseline)
    assert emitter.center_freq_hz == pytest.approx(169.005e6, abs=2e3)
    assert emitter.peak_dbfs == pytest.approx(-50, abs=3.5)
    assert emitter.occupancy == pytest.approx(0.1, abs=0.001)
    assert emitter.first_ns == 10 * SECOND
    assert emitter.last_ns == 30 * SECOND
    assert emitter.strongest_ns in [second * SECOND for second in on]


def test_an_emitter_on_the_seam_is_listed_once(rng):
    low = PLAN.hops[1].grid.low_hz + 5e3
    baseline = survey(rng, 20, lambda second: ((low, low + 10e3, -50.0),) if second == 7 else ())
    assert len(survey_emitters(baseline)) == 1


def test_a_refused_emitter_is_no_longer_excused(rng):
    carrier = (169.0e6, 169.01e6, -50.0)
    baseline = survey(rng, 40, lambda second: (carrier,) if second > 10 else ())
    own = baseline.at(0).grid.window(*carrier[:2])
    assert db(baseline.at(0).typical_mean[own]).min() > -52
    refused = baseline.refuse([carrier[:2]])
    assert refused.hash != baseline.hash
    reference = refused.at(0)
    assert not reference.traffic_peak[own].any()
    assert np.abs(db(reference.typical_mean[own] / FLOOR)).max() < 2.0
    assert db(baseline.at(0).typical_mean[own]).min() > -52  # the old one is as it was


def test_differences_are_new_gone_stronger_and_weaker(rng):
    old = [
        (168.5e6, 168.51e6, -50.0),
        (169.0e6, 169.1e6, -40.0),
        (169.5e6, 169.6e6, -40.0),
    ]
    new = [
        (169.0e6, 169.1e6, -25.0),
        (169.5e6, 169.6e6, -55.0),
        (170.5e6, 170.51e6, -50.0),
    ]
    before = survey(rng, 30, lambda second: old)
    after = survey(rng, 30, lambda second: new, first=10_000)
    found = {d.kind: d for d in differences(before, after)}
    assert len(differences(before, after)) == 4
    assert {kind: round(d.low_hz / 1e6, 1) for kind, d in found.items()} == {
        "gone": 168.5,
        "stronger": 169.0,
        "weaker": 169.5,
        "new": 170.5,
    }
    assert found["stronger"].new_dbfs - found["stronger"].old_dbfs == pytest.approx(15, abs=1)
    assert differences(before, survey(rng, 60, lambda second: old)) == []


def test_a_rare_test_transmission_of_the_day_before_is_new(rng):
    before = survey(rng, 30)
    after = survey(
        rng, 300, lambda second: ((169e6, 169.01e6, -50.0),) if second in (50, 51) else ()
    )
    (difference,) = differences(before, after)
    assert difference.kind == "new"


def test_quantiles_are_those_of_the_data(rng):
    power = 10 ** (rng.normal(-70, 3, (5000, 4)) / 10).astype(np.float32)
    counts = Histograms(4)
    for row in power:
        counts.count(row)
    for share in (0.01, 0.5, 0.9, 0.99, 0.999):
        exact = db(np.quantile(power, share, axis=0))
        assert np.abs(db(counts.quantile(share)) - exact).max() < 0.5


def test_halves_of_the_data_add_up_and_the_disk_keeps_them(rng):
    power = 10 ** (rng.normal(-70, 8, (400, 6)) / 10).astype(np.float32)
    whole, first, second = Histograms(6), Histograms(6), Histograms(6)
    for number, row in enumerate(power):
        whole.count(row)
        (first if number < 150 else second).count(row)
    first.add(second)
    assert np.array_equal(first.dense(), whole.dense())
    assert np.array_equal(Histograms.of(whole.dense()).cells, whole.cells)
    assert whole.dense().sum(axis=1).tolist() == [400] * 6
    limit = np.full(6, 0.999e-7, dtype=np.float32)
    assert whole.looks_over(limit) == pytest.approx((power > 1e-7).sum(axis=0), abs=12)


def test_levels_out_of_range_are_counted_at_the_ends():
    counts = Histograms(3)
    counts.count(np.array([0.0, 1e3, 1e-30], dtype=np.float32))
    assert counts.dense()[:, [0, -1]].tolist() == [[1, 0], [0, 1], [1, 0]]
    assert Histograms(3).quantile(0.5).tolist() == [0, 0, 0]


def test_a_quiet_hop_takes_a_tenth_of_a_megabyte(rng):
    learner = Learner(IDENTITY, PLAN)
    tracemalloc.start()
    try:
        for second in range(400):
            learner.learn(dwell(rng, 0, second))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 0.2e6


HOUR = 3600


def days_of(rng, days, first_hour=0, hours=24):
    """A survey with one dwell every 20 minutes; a meter reports at six every morning."""
    learner = Learner(IDENTITY, PLAN)
    meter = (169.0e6, 169.01e6, -50.0)
    for day in range(days):
        for minute in range(first_hour * 60, (first_hour + hours) * 60, 20):
            signals = (meter,) if minute // 60 == 6 else ()
            for hop in range(len(PLAN.hops)):
                learner.learn(dwell(rng, hop, day * 24 * HOUR + minute * 60 + 1, signals))
    return learner.freeze()


def excused(baseline, hour):
    own = baseline.at(0).grid.window(169.0e6, 169.01e6)
    return bool(baseline.at(0, (100 * 24 + hour) * HOUR * SECOND).traffic_peak[own].all())


def test_traffic_is_excused_only_around_its_hour_once_enough_days_were_learnt(rng):
    baseline = days_of(rng, 3)
    assert [excused(baseline, hour) for hour in (5, 6, 7)] == [True] * 3
    assert [excused(baseline, hour) for hour in (0, 4, 8, 10, 23)] == [False] * 5
    own = baseline.at(0).grid.window(169.0e6, 169.01e6)
    assert baseline.at(0).traffic_peak[own].all()  # without a time the whole day counts


def test_two_days_are_not_enough_to_know_the_hours(rng):
    assert excused(days_of(rng, 2), 10)


def test_hours_survive_merging_and_saving(rng):
    three = days_of(rng, 3, 5, 3)
    other = days_of(rng, 3, 9, 3)
    merged = Baseline.from_arrays(dict(three.merge(other).arrays()))
    assert excused(merged, 6)
    assert not excused(merged, 10)
    assert merged.counts[0].hours.days.tolist() == [
        3 * (h in (5, 6, 7, 9, 10, 11)) for h in range(24)
    ]
    twice = three.merge(three)
    assert twice.counts[0].hours.days[6] == 5  # the day that both end with counts once
