"""What a survey heard is put before a person; refused emitters are not excused."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from dsp.baseline import Learner
from dsp.identity import Identity
from dsp.plan import Band, make_plan
from dsp.values import Dwell
from rfproctor import cli
from sensors.survey import BaselineFault, Survey, load_survey, save_survey

PLAN = make_plan([Band("tv3-low", 168e6, 170e6, 1.0)])
(HOP,) = PLAN.hops
IDENTITY = Identity("00000001", "whip", 40.2, 2.4e6, 1024, "hann", PLAN.digest)


def survey(path, *, texts_every=None):
    rng = np.random.default_rng(11)
    learner = Learner(IDENTITY, PLAN)
    for n in range(40):
        mean = rng.gamma(176.0, 1e-6 / 176, HOP.grid.n_bins).astype(np.float32)
        if texts_every and n % texts_every == 0:
            mean[HOP.grid.window(168.993e6, 169.007e6)] = 1e-3
        peak = mean * np.float32(1.4)
        dwell = Dwell(0, HOP.grid, mean, peak, 3515.0, n * 10**9, 0.04, 186, 8)
        learner.learn(dwell)
    save_survey(path, Survey("s", 0, 40 * 10**9, {"s/hall": learner.freeze()}))
    return str(path)


def run(*arguments):
    return CliRunner().invoke(cli, ["--lang", "en", "baseline", *arguments], catch_exceptions=False)


def test_an_emitter_of_the_survey_is_listed_for_a_person(tmp_path):
    shown = run("show", survey(tmp_path / "a.npz", texts_every=4))
    assert shown.exit_code == 0
    assert "168.9996 MHz" in shown.output and "25 %" in shown.output
    lines = run("show", str(tmp_path / "a.npz"), "--json").output.splitlines()
    head, heard = (json.loads(line) for line in lines)
    assert (head["kind"], heard["kind"]) == ("baseline", "heard")
    assert heard["occupancy"] == pytest.approx(0.25)


def test_a_quiet_survey_lists_nothing_to_judge(tmp_path):
    assert len(run("show", survey(tmp_path / "a.npz")).output.splitlines()) == 1


def test_differences_end_with_status_1_and_none_with_0(tmp_path):
    quiet, busy = survey(tmp_path / "a.npz"), survey(tmp_path / "b.npz", texts_every=4)
    changed = run("diff", quiet, busy)
    assert changed.exit_code == 1 and "new at 168.99" in changed.output
    back = json.loads(run("diff", busy, quiet, "--json").output)
    assert (back["kind"], back["change"]) == ("difference", "gone")
    assert run("diff", quiet, quiet).exit_code == 0


def test_a_refused_emitter_loses_its_excuse_and_the_file_gets_another_hash(tmp_path):
    path = survey(tmp_path / "a.npz", texts_every=4)
    done = run("refuse", path, "--band", "168.99M:169.01M", "--out", str(tmp_path / "r.npz"))
    assert done.exit_code == 0
    before = load_survey(tmp_path / "a.npz").baselines["s/hall"]
    after = load_survey(tmp_path / "r.npz").baselines["s/hall"]
    middle = HOP.grid.index(169e6)
    assert before.at(0).traffic_peak[middle] > 0
    assert after.at(0).traffic_peak[middle] == 0
    assert before.hash != after.hash


def test_refusing_where_nothing_was_heard_says_so(tmp_path):
    path = survey(tmp_path / "a.npz", texts_every=4)
    done = run("refuse", path, "--band", "168.2M:168.3M", "--out", str(tmp_path / "r.npz"))
    assert done.exit_code == 0
    assert "s/hall: nothing came and went between 168.2 and 168.3 MHz" in done.stderr
    heard = run("refuse", path, "--band", "168.9M:169.1M", "--out", str(tmp_path / "h.npz"))
    assert heard.stderr == ""


def test_refusing_where_nobody_looked_is_refused(tmp_path):
    path = survey(tmp_path / "a.npz")
    out = tmp_path / "r.npz"
    with pytest.raises(BaselineFault) as fault:
        run("refuse", path, "--band", "433M:434M", "--out", str(out))
    assert fault.value.message_id == "baseline.refuse_unseen" and not out.exists()
    assert fault.value.fields["covered"].startswith("167.99")
