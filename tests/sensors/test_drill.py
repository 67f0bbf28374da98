"""A drill: its transmissions are apart from everything, its events are marked and no others are."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sensors.bands import GuardBand
from sensors.drill import APART_HZ, BURST_S, LATE_NS, Drill, transmitters_of
from sensors.drill_result import keep, lines_of, notes, table
from sensors.messages import EmitterEvent

START_NS = 1_800_000_000 * 10**9
BANDS = (
    GuardBand("tv3-low", 167e6, 175e6, 0.25, "stare", 1, None),
    GuardBand("data-230", 229e6, 233e6, 1.0, "sweep", 1, 25e3),
)


def drill(seed: int = 1, minutes: float = 1.0) -> Drill:
    return Drill(BANDS, [170e6, 230e6], minutes, START_NS, seed)


def event(one: Drill, index: int = 0, **changes: object) -> EmitterEvent:
    shot = one.results[index].shot
    made = EmitterEvent(
        site="s",
        sensor="s/hall",
        emitter=f"e{index}",
        phase="open",
        center_freq_hz=shot.freq_hz + 300.0,
        bandwidth_hz=9e3,
        snr_db=15.0,
        excess_db=12.0,
        peak_dbfs=-50.0,
        first_seen_ns=shot.on_ns + 10**8,
        last_seen_ns=shot.on_ns + 2 * 10**8,
        sightings=1,
    )
    return replace(made, **changes)


@given(st.integers(0, 10**6), st.floats(0.1, 5.0))
def test_transmissions_are_apart(seed: int, minutes: float) -> None:
    one = drill(seed, minutes)
    freqs = sorted([*(r.shot.freq_hz for r in one.results), 170e6, 230e6])
    assert min(b - a for a, b in pairwise(freqs)) >= APART_HZ - 1
    assert {r.band for r in one.results} == {"tv3-low", "data-230"}
    for result in one.results:
        band = next(b for b in BANDS if b.name == result.band)
        assert band.start_hz < result.shot.freq_hz < band.stop_hz
        assert result.shot.off_ns - result.shot.on_ns == BURST_S * 1e9
        assert one.stop_ns >= result.shot.off_ns + LATE_NS


def test_a_narrow_band_that_is_full_gets_none() -> None:
    full = GuardBand("one-channel", 170e6, 170.025e6, 1.0, "stare", 1, None)
    assert Drill([full], [170.01e6], 1.0, START_NS, 1).results == []


def test_its_events_are_marked() -> None:
    one = drill()
    assert one.mark(event(one)).drill
    closing = event(one, phase="close", last_seen_ns=one.results[0].shot.off_ns + 40_000_000)
    assert one.mark(closing).drill


@pytest.mark.parametrize(
    "changes",
    [
        {"center_freq_hz": 170e6},
        {"first_seen_ns": START_NS},
        {"last_seen_ns": START_NS + 10**12},
    ],
    ids=["elsewhere", "was there before", "stays afterwards"],
)
def test_what_is_real_is_not_hidden_by_a_drill(changes: dict[str, float]) -> None:
    one = drill()
    assert not one.mark(event(one, **changes)).drill


def test_result_for_each_band(tmp_path: Path) -> None:
    one = drill()
    heard = [i for i, r in enumerate(one.results) if r.band == "tv3-low"]
    for seq, index in enumerate(heard, start=1):
        on_ns = one.results[index].shot.on_ns
        one.heard(event(one, index), seq, on_ns + 400_000_000)
        one.heard(event(one, index, sensor="s/gate"), seq + 100, on_ns + 900_000_000)
        one.heard(event(one, index), seq + 200, on_ns + 10**10)  # an update changes nothing
    one.acknowledged(1, one.results[heard[0]].shot.on_ns + 500_000_000)
    low_hz, high_hz = BANDS[1].start_hz, BANDS[1].stop_hz
    lost = [r.shot for r in one.results if r.band == "data-230"]
    one.visited(low_hz, high_hz, lost[0].on_ns - 10**8, lost[0].on_ns + 4_000_000)
    one.visited(low_hz, high_hz, lost[1].off_ns - 6_000_000, lost[1].off_ns + 10**8)
    one.visited(low_hz, lost[2].freq_hz - 1.0, lost[2].on_ns, lost[2].off_ns)
    low, data = table(one.results)
    assert low == {
        "band": "tv3-low",
        "sent": len(heard),
        "heard": len(heard),
        "share": 1.0,
        "unvisited": 0,
        "unrecognised": 0,
        "median_s": 0.4,
        "worst_s": 0.4,
        "delivered": 1,
        "delivered_median_s": 0.5,
    }
    assert data["heard"] == 0
    assert data["median_s"] is None
    assert (data["unvisited"], data["unrecognised"]) == (len(lost) - 1, 1)
    assert [passed for passed, _ in notes(one.results)] == [True, False]
    assert notes(one.results)[1][1].args["unrecognised"] == 1
    for lang in ("en", "zh"):
        assert len(lines_of(one.results, lang)) == 3
    path = keep(one.results, one.start_ns, tmp_path, "s")
    keep(one.results, one.start_ns, tmp_path, "s")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    kept = json.loads(lines[0])
    assert kept["bands"] == table(one.results)
    assert len(kept["transmissions"]) == len(one.results)


def test_level_is_over_the_threshold_and_under_full_scale() -> None:
    one = drill()
    order = one.order(-70.0, 3516.0, 40.2)
    assert order.level_dbfs == pytest.approx(-70.0 + 12.0 + 3.57, abs=0.01)
    assert one.order(-5.0, 3516.0, 40.2).level_dbfs == -12.0
    sent = transmitters_of(order)
    assert len(sent) == len(one.results)
    assert {t.kind for t in sent} == {"nfm", "fsk2", "cw", "dmr"}
    assert sent[0].start_s == pytest.approx((one.results[0].shot.on_ns - START_NS) / 1e9)
