"""Baselines on disk: immutable, whole, and refused where they do not belong."""

from dataclasses import replace

import numpy as np
import pytest

from dsp.baseline import Learner
from dsp.identity import Identity
from dsp.plan import Band, make_plan
from dsp.values import Dwell
from sensors.survey import BaselineFault, Survey, load_baseline, load_survey, save_survey

PLAN = make_plan([Band("tv3-low", 167e6, 171e6, 1.0)])
IDENTITY = Identity("00000001", "whip", 40.2, 2.4e6, 1024, "hann", PLAN.digest)


@pytest.fixture
def baseline(rng):
    learner = Learner(IDENTITY, PLAN)
    for _ in range(12):
        for hop in PLAN.hops:
            mean = rng.gamma(176.0, 1e-6 / 176, hop.grid.n_bins).astype(np.float32)
            peak = (mean * 1.4).astype(np.float32)
            learner.learn(Dwell(hop.index, hop.grid, mean, peak, 3515.0, 0, 0.04, 186, 8))
    return learner.freeze()


@pytest.fixture
def path(tmp_path, baseline):
    path = tmp_path / "day.npz"
    save_survey(path, Survey("s", 1, 2, {"s/hall": baseline}))
    return path


def test_what_was_saved_is_loaded_with_the_same_hash(path, baseline):
    survey = load_survey(path)
    assert (survey.site, survey.start_ns, survey.stop_ns) == ("s", 1, 2)
    assert survey.baselines["s/hall"].hash == baseline.hash
    assert load_baseline(str(path), "s/hall", IDENTITY).hash == baseline.hash


def test_a_baseline_is_read_only_and_never_overwritten(path, baseline):
    assert path.stat().st_mode & 0o222 == 0
    with pytest.raises(BaselineFault, match=r"baseline\.exists"):
        save_survey(path, Survey("s", 1, 2, {"s/hall": baseline}))
    assert not list(path.parent.glob("*.part"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gain_db", 33.8),
        ("antenna", "yagi"),
        ("serial", "00000002"),
        ("plan", "other"),
        ("nfft", 512),
    ],
)
def test_other_conditions_are_refused_with_both_values(path, field, value):
    with pytest.raises(BaselineFault) as caught:
        load_baseline(str(path), "s/hall", replace(IDENTITY, **{field: value}))
    fields = caught.value.fields
    assert caught.value.message_id == "baseline.mismatch"
    assert fields["field"] == field and fields["now"] == value


def test_other_sensor_missing_and_damaged_files_are_named(path, tmp_path):
    with pytest.raises(BaselineFault, match=r"baseline\.other_sensor"):
        load_baseline(str(path), "s/gate", IDENTITY)
    with pytest.raises(BaselineFault, match=r"baseline\.missing"):
        load_survey(tmp_path / "none.npz")
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 10):
        damaged = tmp_path / f"cut{cut}.npz"
        damaged.write_bytes(whole[:cut])
        with pytest.raises(BaselineFault, match=r"baseline\.damaged"):
            load_survey(damaged)
    garbage = tmp_path / "garbage.npz"
    garbage.write_bytes(b"not a baseline at all")
    with pytest.raises(BaselineFault, match=r"baseline\.damaged"):
        load_survey(garbage)
