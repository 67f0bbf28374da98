"""`analyze --baseline`: the survey's traffic is known, the rest is new, other gain is refused."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from dsp.baseline import Learner
from dsp.dwell import Resolution, look
from dsp.plan import Band, make_plan
from rfproctor import cli, main
from sdr.uri import open_source
from sensors.hops import identity_of
from sensors.palette import BOX, DIM, FRESH
from sensors.picture import GLOW
from sensors.survey import Survey, save_survey

PLAN = make_plan([Band("pmr", 408.9e6, 410.4e6, 0.5, "stare")])
GUARDS = "tx id=guards freq_hz=409.9125M type=nfm power_dbm=-84 period_s=0.6 on_s=0.4\n"
STATION = "tx id=station freq_hz=410.2M type=wide bw_hz=150k power_dbm=-80\n"
SECRET = "tx id=secret freq_hz=409.5M type=nfm power_dbm=-90 start_s=0.3 period_s=5 on_s=0.5\n"
STRONGER = "tx id=close freq_hz=409.9125M type=nfm power_dbm=-70 start_s=0.3 period_s=5 on_s=0.7\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with a baseline of the quiet scene, learned for three seconds."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "quiet.scene").write_text(GUARDS + STATION)
    (folder / "exam.scene").write_text(GUARDS + STATION + SECRET)
    (folder / "stronger.scene").write_text(GUARDS + STATION + STRONGER)
    resolution = Resolution()
    with open_source(f"scene:{folder / 'quiet.scene'}?pace=0") as source:
        source.configure(sample_rate_hz=2.4e6, gain_db=40.2)
        source.tune(PLAN.hops[0].center_freq_hz)
        identity = identity_of(source.info, source.settings, PLAN, resolution, "whip")
        learner = Learner(identity, PLAN)
        for _ in range(75):
            learner.learn(look(source.read(96_000), PLAN.hops[0], resolution))
    baseline = learner.freeze()
    save_survey(folder / "one.npz", Survey("s", 0, 1, {"s/hall": baseline}))
    save_survey(folder / "two.npz", Survey("s", 0, 1, {"s/hall": baseline, "s/gate": baseline}))
    return folder


def record(site, scene, name, *, center="409.65M", gain="40.2", rate="2.4M"):
    path = site / name
    arguments = ["record", f"scene:{site / scene}?pace=0", "--seconds", "1.2", "--out", str(path)]
    arguments += ["--center-freq", center, "--gain", gain, "--sample-rate", rate]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return path.with_suffix(".sigmf-meta")


def judged(path, *arguments):
    result = CliRunner().invoke(
        cli, ["--lang", "en", "analyze", str(path), "--json", *map(str, arguments)]
    )
    assert result.exception is None, result.exception
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    emissions = [line for line in lines if line["kind"] == "emission"]
    return {(round(e["center_freq_hz"] / 1e5), e["new"]) for e in emissions}, result.stderr


def test_only_what_the_survey_did_not_hear_is_new(site):
    path = record(site, "exam.scene", "exam")
    found, err = judged(path, "--baseline", site / "one.npz")
    assert found == {(4095, True), (4099, False), (4102, False)}
    assert err == ""
    assert judged(path, "--baseline", site / "two.npz", "--sensor", "s/gate")[0] == found


def test_the_same_channel_much_stronger_is_new(site):
    path = record(site, "stronger.scene", "stronger")
    found, _ = judged(path, "--baseline", site / "one.npz")
    assert found >= {(4099, True), (4102, False)}


def test_the_table_says_new_and_known(site):
    path = record(site, "exam.scene", "table")
    arguments = ["--lang", "en", "analyze", str(path), "--baseline", str(site / "one.npz")]
    rows = CliRunner().invoke(cli, arguments).stdout.splitlines()[1:-1]
    marks = {("409.5" in row, "new" in row.split()) for row in rows}
    assert marks == {(True, True), (False, False)}
    assert all(("known" in row) != ("new" in row.split()) for row in rows)


def test_without_a_baseline_nothing_is_said_about_new(site):
    path = record(site, "exam.scene", "plain")
    stdout = CliRunner().invoke(cli, ["analyze", str(path), "--json"]).stdout
    assert '"new"' not in stdout


def test_a_headerless_recording_cannot_say_its_gain(site):
    path = record(site, "exam.scene", "bare")
    bare = site / "bare_409.65M_2400k.cu8"
    bare.write_bytes(path.with_suffix(".sigmf-data").read_bytes())
    found, err = judged(bare, "--baseline", site / "one.npz")
    assert (4095, True) in found
    assert err.count("\n") == 1
    assert "40.2 dB" in err


@pytest.mark.parametrize(
    "made, words",
    [
        ({"gain": "20.7"}, ["gain", "20.7 dB", "40.2 dB"]),
        ({"center": "433.92M"}, ["center", "433.92 MHz", "410.401"]),
        ({"rate": "2.048M"}, ["sample_rate", "2.048 MHz", "2.4 MHz"]),
    ],
)
def test_other_conditions_are_refused_naming_both_values(site, made, words, capsys):
    path = record(site, "exam.scene", f"other-{words[0]}", **made)
    with pytest.raises(SystemExit) as end:
        main(["--lang", "en", "analyze", str(path), "--baseline", str(site / "one.npz")])
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)
    assert all(word in err for word in words), err


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--baseline", "two.npz"], "s/hall, s/gate"),
        (["--baseline", "one.npz", "--sensor", "s/roof"], "s/roof"),
        (["--baseline", "missing.npz"], "missing.npz"),
        (["--sensor", "s/hall"], "--baseline"),
    ],
)
def test_a_baseline_that_is_not_clear_is_refused(site, arguments, words, capsys, monkeypatch):
    if not (site / "unclear.sigmf-meta").exists():
        record(site, "exam.scene", "unclear")
    monkeypatch.chdir(site)
    with pytest.raises(SystemExit) as end:
        main(["--lang", "en", "analyze", "unclear.sigmf-meta", *arguments])
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_the_picture_tells_new_from_known(site):
    path = record(site, "exam.scene", "drawn")
    picture = site / "drawn.svg"
    judged(path, "--baseline", site / "one.npz", "--picture", picture)
    drawn = picture.read_text()
    boxes = {colour: drawn.count(f"stroke: {colour}") for colour in (FRESH, DIM, BOX)}
    assert boxes[FRESH] == 1 + len(GLOW)  # one new one and its light
    assert boxes[DIM] >= 3 and boxes[BOX] == 0
    plain = site / "plain.svg"
    CliRunner().invoke(cli, ["analyze", str(path), "--picture", str(plain)])
    assert plain.read_text().count(f"stroke: {BOX}") >= 3
