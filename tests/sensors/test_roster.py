"""Who visits what when a dongle of a place is lost and comes back."""

import pytest

from sensors.config import load_site
from sensors.roster import Roster
from sensors.task import tasks_of
from sensors.team import OVERHEAD_S, SETTLE_S, TUNE_S, teams_of

SITE = """
[site]
id = "s"
[[dongle]]
source = "scene:hall"
name = "a"
position = "hall"
[[dongle]]
source = "scene:hall"
name = "b"
position = "hall"
[[dongle]]
source = "scene:gate"
name = "c"
position = "gate"
[[dongle]]
source = "file:x.sigmf-meta"
name = "d"
position = "hall"
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "site.toml").write_text(SITE)
    return load_site(tmp_path / "site.toml")


@pytest.fixture
def roster(site):
    return Roster(teams_of(site))


def test_every_position_watches_everything_once(site):
    hops = {task.sensor: set(task.hops) for task in tasks_of(site, "x", survey=False)}
    (hall, gate) = teams_of(site)
    everything = set(range(len(hall.plan.hops)))
    assert hops["s/a"] | hops["s/b"] == everything
    assert hops["s/a"] & hops["s/b"] == set()
    assert hops["s/c"] == everything
    assert hops["s/d"] == set()  # a recording holds what it holds
    assert hall.hop_s == dict.fromkeys(("s/a", "s/b"), TUNE_S + SETTLE_S + OVERHEAD_S + 0.04)
    assert gate.plan.digest == hall.plan.digest


def test_the_others_of_the_place_stand_in_and_give_it_back(site, roster):
    change = roster.leave("s/a")
    (hall, _) = teams_of(site)
    assert set(change.orders) == {"s/b"}
    assert set(change.orders["s/b"].hops) == set(range(len(hall.plan.hops)))
    assert change.worse
    assert change.note.args["others"] == "s/b"
    assert roster.is_away("s/a")
    assert roster.short("s/b")
    assert roster.leave("s/a") is None
    back = roster.come("s/a")
    assert not back.worse
    assert set(back.orders) == {"s/a", "s/b"}
    assert not roster.short("s/b")
    assert roster.come("s/a") is None


def test_the_last_one_leaves_its_bands_unwatched(roster):
    change = roster.leave("s/c")
    assert change.orders == {}
    assert change.note.id == "plan.uncovered"
    assert "tv3-low" in change.note.args["bands"]


def test_it_is_said_which_bands_become_late(tmp_path):
    text = SITE + '[[band]]\nname = "tv3-low"\n[[band]]\nname = "uhf-440"\n'
    (tmp_path / "site.toml").write_text(text)
    roster = Roster(teams_of(load_site(tmp_path / "site.toml")))
    for sensor in ("s/a", "s/b"):
        roster.measured(sensor, 0.05)
    change = roster.leave("s/b")
    assert change.note.id == "plan.lost_late"
    assert "uhf-440" in change.note.args["bands"]
    roster.come("s/b")
    for sensor in ("s/a", "s/b"):
        roster.measured(sensor, 0.005)
    assert roster.leave("s/b").note.id == "plan.lost"


def test_a_slow_dongle_gets_less(roster):
    roster.measured("s/a", 0.1)
    roster.measured("s/b", 0.05)
    roster.leave("s/a")
    orders = roster.come("s/a").orders
    loads = {s: sum(1 / r for r in order.hops.values()) for s, order in orders.items()}
    assert loads["s/b"] == pytest.approx(2 * loads["s/a"], rel=0.15)


def test_a_recording_has_no_substitute(roster):
    assert roster.leave("s/d") is None
    assert roster.mates("s/d") == []
