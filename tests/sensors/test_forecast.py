"""The plan of a site is told without a dongle, in both languages and as JSON."""

import json

import pytest
from click.testing import CliRunner

from rfproctor import cli
from sensors.team import hop_overhead

SITE = """
[site]
id = "school-3"
data = "data"
{dongles}
[scan]
dwell_s = 0.02
"""


def site_of(folder, count, more=""):
    dongles = "".join(
        f'[[dongle]]\nsource = "rtl:{n + 1:08d}"\nname = "d{n + 1}"\nposition = "hall"\n'
        for n in range(count)
    )
    path = folder / "site.toml"
    path.write_text(SITE.format(dongles=dongles) + more)
    return str(path)


def plan(*arguments, lang="en"):
    done = CliRunner().invoke(cli, ["--lang", lang, "sensor", "--plan", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_who_is_too_late_and_how_many_would_be_enough(tmp_path):
    text = plan(site_of(tmp_path, 2))
    assert "tv3-high  175-223      24     2 s" in text
    assert text.count("TOO LATE") == 7
    assert "NOT ENOUGH: 215% of the time is asked for" in text
    assert "5 dongles like these would be enough" in text
    assert "school-3/d1: 50.5 ms a hop" in text
    assert "TOO LATE" not in plan(site_of(tmp_path, 5))


def test_the_same_in_chinese(tmp_path):
    assert "需要 5 个同样的接收棒" in plan(site_of(tmp_path, 2), lang="zh")


def test_as_json_lines(tmp_path):
    rows = [json.loads(line) for line in plan(site_of(tmp_path, 2), "--json").splitlines()]
    bands = {row["band"]: row for row in rows if row["kind"] == "band"}
    assert bands["tv3-low"]["revisit_s"] == pytest.approx(0.537, abs=0.01)
    assert bands["tv3-low"]["p"]["2"] == 1.0
    assert bands["tv3-high"]["p"]["0.5"] == pytest.approx(
        0.51 / bands["tv3-high"]["revisit_s"], abs=1e-4
    )
    assert sum(row["utilisation"] for row in bands.values()) == pytest.approx(1.0, abs=1e-3)
    (summary,) = (row for row in rows if row["kind"] == "plan")
    assert summary["dongles_needed"] == 5
    assert summary["met"] is False
    assert len([row for row in rows if row["kind"] == "dongle"]) == 2


def test_what_doctor_measured_goes_into_the_plan(tmp_path):
    path = site_of(tmp_path, 4)
    measured = {"time_ns": 1, "tune_s": 0.0164, "settle_s": 0.0036, "settle_spread_s": 0.0001}
    (tmp_path / "data").mkdir()
    known = {f"{n + 1:08d}": measured for n in range(4)}
    (tmp_path / "data" / "dongles.json").write_text(json.dumps(known))
    assert hop_overhead(tmp_path / "data", "00000002") == (0.0164, pytest.approx(0.0041))
    assert hop_overhead(tmp_path / "data", "7")[0] == 0.02
    text = plan(path)
    assert "school-3/d4: 41.0 ms a hop" in text


def test_a_recording_is_left_out(tmp_path):
    more = '[[dongle]]\nsource = "file:x.sigmf-meta"\nname = "tape"\n'
    assert "school-3/tape: a recording" in plan(site_of(tmp_path, 1, more))
    rows = plan(site_of(tmp_path, 1, more), "--json").splitlines()
    assert json.loads(rows[0]) == {"kind": "recording", "sensor": "school-3/tape"}
