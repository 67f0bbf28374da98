"""The figures of hardware.md are the planner's, computed again."""

import re

import pytest

from dsp.division import divide
from sensors.config import load_site
from sensors.team import teams_of

HOP_S = {40: 0.061, 20: 0.041}
ROW = re.compile(
    r"^\| (\d) \| (\d\d) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$"
)


def rows(repository):
    lines = (repository / "hardware.md").read_text(encoding="utf-8").splitlines()
    return [tuple(map(float, found.groups())) for one in lines if (found := ROW.match(one))]


def planned(folder, dongles, dwell_ms):
    text = '[site]\nid = "s"\n'
    for number in range(dongles):
        text += f'[[dongle]]\nsource = "scene:hall"\nname = "d{number}"\nposition = "hall"\n'
    (folder / "site.toml").write_text(text)
    (team,) = teams_of(load_site(folder / "site.toml"))
    return divide(team.plan, [HOP_S[dwell_ms]] * len(team.sensors)).shares


def test_the_table_of_dongles(repository, tmp_path):
    found = rows(repository)
    assert len(found) == 10
    for dongles, dwell_ms, low_s, high_s, other_s, p_half, p_two in found:
        shares = planned(tmp_path, int(dongles), int(dwell_ms))
        by_name = {share.band.name: share.revisit_s for share in shares}
        assert sum(share.hops for share in shares) == 80
        assert low_s == pytest.approx(by_name.pop("tv3-low"), abs=0.006)
        assert high_s == pytest.approx(by_name.pop("tv3-high"), abs=0.006)
        assert other_s == pytest.approx(max(by_name.values()), abs=0.006)
        dwell_s = dwell_ms / 1000
        assert p_half == pytest.approx(min(s.intercept(0.5, dwell_s) for s in shares), abs=0.006)
        assert p_two == pytest.approx(min(s.intercept(2.0, dwell_s) for s in shares), abs=0.006)
