"""A drill begins when the dongles are ready and ends when each has said what it heard."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from dsp.values import Dwell, Grid
from sensors.config import load_site
from sensors.rehearsal import LATEST_NS, SAID_NS, Rehearsal
from sensors.task import Inject

T0 = 1_790_000_000 * 10**9
S = 10**9
SITE = """
[site]
id = "s"
data = "data"
[[dongle]]
source = "scene:quiet"
name = "a"
[[dongle]]
source = "scene:quiet"
name = "b"
[[band]]
name = "tv3-low"
"""


class Place:
    """A site of two dongles, of which only what a drill asks is there."""

    def __init__(self, folder: Path) -> None:
        (folder / "site.toml").write_text(SITE)
        self.site = load_site(folder / "site.toml")
        self.site.data.mkdir()
        self.told: list[tuple[str, Inject]] = []
        self.notices: list[Any] = []
        self.listeners = {name: self.listener() for name in self.site.sensor_ids}
        self.herald = SimpleNamespace(drill=None, notice=lambda *what: self.notices.append(what))
        crew = SimpleNamespace(tell=lambda sensor, order: self.told.append((sensor, order)))
        self.rehearsal = Rehearsal(
            self.site,
            cast("Any", self.listeners),
            cast("Any", crew),
            cast("Any", self.herald),
            None,
        )

    @staticmethod
    def listener() -> SimpleNamespace:
        return SimpleNamespace(
            depth_dbfs=-50.0,
            learner=None,
            baseline=None,
            fault=None,
            newest_ns=0,
            follow=SimpleNamespace(known_hz=[]),
            settings=SimpleNamespace(sample_rate_hz=2.4e6, gain_db=40.2),
            task=SimpleNamespace(nfft=1024),
        )

    def runs(self) -> bool:
        """Whether a drill runs."""
        return self.rehearsal.running is not None

    def begin(self, minutes: float = 0.2) -> int:
        """Begin one; when its last transmission is over."""
        self.rehearsal.ask(minutes)
        self.rehearsal.step(T0)
        assert self.rehearsal.running is not None
        return self.rehearsal.running.stop_ns


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_it_waits_for_a_threshold_of_every_dongle(place: Place) -> None:
    place.listeners["s/b"].depth_dbfs = None
    place.rehearsal.ask(0.2)
    place.rehearsal.step(T0)
    assert not place.runs()
    place.listeners["s/b"].depth_dbfs = -48.0
    place.rehearsal.step(T0)
    assert place.runs()
    assert [sensor for sensor, _ in place.told] == ["s/a", "s/b"]
    levels = [order.level_dbfs for _, order in place.told]
    assert levels[1] - levels[0] == pytest.approx(2.0), "each at its own threshold"


def test_it_ends_when_every_dongle_has_said_what_it_heard(place: Place) -> None:
    stop_ns = place.begin()
    for one in place.listeners.values():
        one.newest_ns = stop_ns - S
    place.rehearsal.step(stop_ns + SAID_NS)
    assert place.runs(), "a busy computer is a second behind"
    place.listeners["s/a"].newest_ns = stop_ns
    place.rehearsal.step(stop_ns + 3 * S)
    assert place.runs(), "the other one is still behind"
    place.listeners["s/b"].newest_ns = stop_ns
    place.rehearsal.step(stop_ns + 4 * S)
    assert not place.runs()
    assert place.rehearsal.last is not None
    assert [order.shots for _, order in place.told[-2:]] == [[], []]
    assert (place.site.data / "drills.jsonl").is_file()


def test_a_dongle_that_is_gone_or_hangs_does_not_keep_it_for_ever(place: Place) -> None:
    stop_ns = place.begin()
    place.listeners["s/a"].newest_ns = stop_ns
    place.listeners["s/b"].fault = "vanished"
    place.rehearsal.step(stop_ns + SAID_NS)
    assert not place.runs()
    stop_ns = place.begin()
    place.listeners["s/b"].fault = None
    place.rehearsal.step(stop_ns + LATEST_NS)
    assert not place.runs()


def test_visits_count_only_while_it_runs(place: Place) -> None:
    grid = Grid(166e6, 2343.75, 4096)

    def dwell(time_ns: int) -> Dwell:
        power = np.ones(grid.n_bins, dtype=np.float32)
        return Dwell(
            hop=0,
            grid=grid,
            mean=power,
            peak=power,
            rbw_hz=3516.0,
            time_ns=time_ns,
            duration_s=0.04,
            num_segments=178,
            num_blocks=8,
        )

    place.rehearsal.dwell("s/a", dwell(T0))
    place.begin(minutes=0.5)
    drill = place.rehearsal.running
    assert drill is not None
    shot = drill.results[0].shot
    place.rehearsal.dwell("s/a", dwell(shot.on_ns + S))
    place.rehearsal.dwell("s/c", dwell(shot.on_ns + S))  # has no threshold, takes no part
    assert drill.results[0].visits == 1
    assert drill.results[1].visits == 0


def test_a_dongle_that_comes_back_takes_part_again(place: Place) -> None:
    place.rehearsal.started("s/a")
    assert place.told == []
    place.begin()
    first = dict(place.told)["s/a"]
    place.rehearsal.started("s/a")
    assert place.told[-1] == ("s/a", first)
