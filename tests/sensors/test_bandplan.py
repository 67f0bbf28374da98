"""The band plans: in order, without overlap, in both languages, and every row with its source."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import get_args

import pytest

from sensors.bandplan import PlanId, band_plan
from sensors.bands import presets

PLANS = get_args(PlanId)
REGIONS = ("itu1", "itu2", "itu3")


@pytest.mark.parametrize("plan", PLANS)
def test_rows_are_in_order_do_not_overlap_and_have_their_source(plan: PlanId) -> None:
    services = band_plan(plan).services
    assert len(services) > 50
    for one in services:
        assert one.start_hz < one.stop_hz
        assert one.en.isascii()
        assert re.search("[\u4e00-\u9fff]", one.zh)
        assert len(one.source) > 20
        assert re.search("Radio Regulations|MIIT|[a-z]+\\.(com|cn|net|org)", one.source)
    for before, after in pairwise(services):
        assert before.stop_hz <= after.start_hz, (before, after)


@pytest.mark.parametrize("plan", REGIONS)
def test_the_tables_of_the_regions_have_no_gap_where_a_dongle_hears(plan: PlanId) -> None:
    services = band_plan(plan).services
    assert services[0].start_hz <= 24e6
    assert services[-1].stop_hz >= 1766e6
    assert all(a.stop_hz == b.start_hz for a, b in pairwise(services))


@pytest.mark.parametrize(
    ("plan", "freq_mhz", "kind"),
    [
        ("cn", 169.5, "case"),
        ("cn", 409.8, "public"),
        ("cn", 145.0, "amateur"),
        ("cn", 360.0, "safety"),
        ("itu1", 147.0, "land"),
        ("itu2", 147.0, "amateur"),
        ("itu3", 147.0, "amateur"),
        ("itu1", 60.0, "broadcast"),
        ("itu2", 52.0, "amateur"),
        ("itu2", 610.0, "science"),
        ("itu1", 610.0, "broadcast"),
        ("itu2", 915.0, "data"),
        ("itu3", 121.5, "safety"),
        ("itu1", 406.05, "safety"),
    ],
)
def test_who_lives_there(plan: PlanId, freq_mhz: float, kind: str) -> None:
    one = band_plan(plan).at(freq_mhz * 1e6)
    assert one is not None
    assert one.kind == kind


def test_an_edge_belongs_to_one_row_and_silence_is_none() -> None:
    plan = band_plan("cn")
    edge = plan.at(167e6)
    assert edge is not None
    assert edge.start_hz == 167e6
    assert plan.at(800e6) is None


def test_every_preset_has_its_source() -> None:
    """Published cases, a rule, or the plan's own entry: said in the row itself."""
    for name, preset in presets().items():
        assert len(str(preset["source"])) > 10, name
        assert len(str(preset["why"])) > 10, name


def test_the_plans_name_the_bands_that_the_presets_guard() -> None:
    plan = band_plan("cn")
    for name, preset in presets().items():
        if name in {"av-1200", "av-900", "fm-low", "cell-ul-1700"}:
            continue  # wider than any service
        low, high = float(str(preset["start_hz"])), float(str(preset["stop_hz"]))
        heard = [s for s in plan.services if s.start_hz < high and s.stop_hz > low]
        if name != "mid-300":
            assert heard, name
