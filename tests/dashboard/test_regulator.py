from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.access import Identity
from dashboard.answers import Call, Monitor
from dashboard.errors import Refused
from dashboard.occupancy import TooFine, Window, count
from dashboard.pyramid import SECOND, Codes, Tile
from dashboard.recorder import Recorder
from dashboard.references import Reference
from dashboard.regulator import (
    OccupancyQuery,
    ScanQuery,
    degrees,
    get_occupancy_file,
    get_scan_file,
)
from dashboard.tiles import TileFiles

MIDNIGHT = 1_800_057_600 * SECOND  # 2027-01-16 00:00 UTC
NOON = MIDNIGHT + 43_200 * SECOND
LOW_HZ, BIN_HZ = 406e6, 5e3
NOISE, LOUD = 60, 120  # -110 and -80 dBFS


def tile(codes: Codes, start_ns: int = NOON) -> Tile:
    return Tile("s/hall", 0, start_ns, LOW_HZ, BIN_HZ, codes)


def quiet(n_bins: int = 40) -> Codes:
    """A minute of noise on 200 kHz."""
    return np.full((60, n_bins), NOISE, dtype=np.uint8)


def window(**changes: Any) -> Window:
    values = {
        "start_ns": NOON,
        "stop_ns": NOON + 60 * SECOND,
        "start_hz": LOW_HZ,
        "stop_hz": LOW_HZ + 200e3,
        "raster_hz": 25e3,
    }
    return Window(**{**values, **changes})


@dataclass
class Desk:
    """The part of the monitor that the files are made from."""

    recorder: Recorder
    now_ns: int = NOON + 60 * SECOND

    def board(self) -> dict[str, object]:
        return {}

    def clock_ns(self) -> int:
        return self.now_ns


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Recorder(TileFiles(tmp_path / "history"), 1000))


def call(desk: Desk, query: ScanQuery | OccupancyQuery) -> Call:
    monitor = cast(Monitor, desk)
    return Call(monitor, Identity("li", "radio"), {"sensor": "s/hall"}, query)


def scans(desk: Desk, **changes: Any) -> str:
    values: dict[str, Any] = {
        "start_ns": NOON,
        "stop_ns": NOON + 60 * SECOND,
        "start_hz": LOW_HZ,
        "stop_hz": LOW_HZ + 200e3,
        "width": 40,
        "height": 60,
        "latitude": 34.2583,
        "longitude": 108.9286,
    }
    return get_scan_file(call(desk, ScanQuery(**{**values, **changes}))).text


def test_the_channel_that_was_on_is_as_busy_as_it_was() -> None:
    codes = quiet()
    codes[10:25, 19:21] = LOUD  # 406.095-406.105 MHz: 15 of 60 s
    busy = {c.center_freq_hz: (c.looks, c.occupied) for c in count([tile(codes)], window(),
            margin_codes=20)}  # fmt: skip
    assert list(busy) == [406e6 + k * 25e3 for k in range(1, 8)]
    assert busy.pop(406.1e6) == (60, 15)
    assert set(busy.values()) == {(60, 0)}


def test_any_bin_of_the_channel_counts_once_and_the_formula_holds() -> None:
    codes = quiet()
    codes[0:4, 17] = codes[4:6, 21] = codes[0:3, 20] = LOUD
    (channel,) = [
        c for c in count([tile(codes)], window(), margin_codes=20) if c.center_freq_hz == 406.1e6
    ]
    assert (channel.occupied, channel.fco, channel.max_code) == (6, 0.1, LOUD)
    assert channel.error_95 == pytest.approx(1.96 * (0.9 / (0.1 * 60)) ** 0.5)


def test_what_was_not_seen_is_neither_occupied_nor_free() -> None:
    codes = quiet()
    codes[30:] = 0
    codes[0:15, 20] = LOUD
    found = count([tile(codes)], window(), margin_codes=20)
    assert {c.looks for c in found} == {30}
    assert max(c.fco for c in found) == 0.5
    assert count([tile(np.zeros_like(codes))], window(), margin_codes=20) == []


def test_only_the_seconds_of_the_window_count() -> None:
    codes = quiet()
    codes[20:40, 20] = LOUD
    part = window(start_ns=NOON + 30 * SECOND, stop_ns=NOON + 50 * SECOND)
    busiest = max(count([tile(codes)], part, margin_codes=20), key=lambda c: c.fco)
    assert (busiest.looks, busiest.occupied) == (20, 10)


def test_noise_is_the_minutes_own_and_a_fixed_threshold_is_fixed() -> None:
    later = np.minimum(quiet() + np.uint8(30), 255).astype(np.uint8)
    two = [tile(quiet()), tile(later, NOON + 60 * SECOND)]
    both = window(stop_ns=NOON + 120 * SECOND)
    assert {c.fco for c in count(two, both, margin_codes=20)} == {0.0}
    fixed = count(two, both, margin_codes=20, threshold_code=NOISE + 20.0)
    assert {c.fco for c in fixed} == {0.5}
    assert fixed[0].thresholds == [NOISE + 20.0] * 2


def test_the_threshold_that_the_site_had_then_counts_bin_by_bin() -> None:
    """It was ignored: what the site had known as usual, or deaf ground, was counted as busy."""
    codes = quiet()
    codes[:, 20] = codes[:, 29] = LOUD  # two carriers, at 406.1 and in the channel of 406.15 MHz
    levels = np.full((2, 40), NOISE, dtype=np.uint8)
    levels[1] = NOISE + 20
    levels[1, 20] = LOUD + 10  # this one is in the baseline
    levels[1, 29] = 0  # of this bin there is none
    past = [Reference("s/hall", LOW_HZ, BIN_HZ, "b", NOON, NOON + 60 * SECOND, levels)]
    old = Reference("s/hall", LOW_HZ, BIN_HZ, "a", NOON - 60 * SECOND, NOON, levels * 0 + 255)

    def busy(past: list[Reference]) -> list[float]:
        found = count([tile(codes)], window(), margin_codes=20, past=past)
        return [channel.center_freq_hz for channel in found if channel.fco == 1]

    assert busy([]) == busy([old]) == [406.1e6, 406.15e6]
    assert busy([old, *past]) == [406.15e6]


def test_bins_wider_than_a_channel_are_refused() -> None:
    with pytest.raises(TooFine):
        count([tile(quiet())], window(raster_hz=4e3), margin_codes=20)


@given(
    raster_hz=st.sampled_from([5e3, 6.25e3, 12.5e3, 25e3, 50e3]),
    offset_hz=st.sampled_from([0.0, 1e3, 6.25e3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_counting_is_what_counting_by_hand_gives(
    raster_hz: float, offset_hz: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.choice([0, NOISE, LOUD], (60, 40), p=[0.1, 0.8, 0.1]).astype(np.uint8)
    asked = window(raster_hz=raster_hz, offset_hz=offset_hz)
    found = count([tile(codes)], asked, margin_codes=20, threshold_code=100.0)
    assert found
    centers_hz = LOW_HZ + BIN_HZ * (np.arange(40) + 0.5)
    for channel in found:
        low_hz = channel.center_freq_hz - raster_hz / 2
        bins = (centers_hz >= low_hz) & (centers_hz < low_hz + raster_hz)
        looked = [row[bins].max() for row in codes if row[bins].max() > 0]
        assert (channel.looks, channel.occupied) == (len(looked), sum(x > 100 for x in looked))
        assert low_hz >= LOW_HZ - 1 and low_hz + raster_hz <= LOW_HZ + 200e3 + 1


def test_the_table_is_made_from_disk_and_memory_together(desk: Desk) -> None:
    codes = quiet()
    codes[:30, 20] = LOUD
    desk.recorder.files.write([tile(codes)])
    query = OccupancyQuery(
        start_ns=NOON,
        stop_ns=NOON + 60 * SECOND,
        start_hz=LOW_HZ,
        stop_hz=LOW_HZ + 200e3,
        raster_hz=25e3,
    )
    rows = {
        float(row["center_freq_hz"]): row
        for row in csv.DictReader(io.StringIO(get_occupancy_file(call(desk, query)).text))
    }
    busy = rows[406.1e6]
    assert (busy["looks"], busy["occupied"], busy["fco"]) == ("60", "30", "0.500000")
    assert (float(busy["low_hz"]), float(busy["high_hz"])) == (406.0875e6, 406.1125e6)
    assert (float(busy["max_dbfs"]), float(busy["threshold_dbfs"])) == (-80.0, -100.0)
    assert rows[406.05e6]["fco"] == "0.000000" and rows[406.05e6]["relative_error_95"] == ""
    for changes, why in (
        ({"raster_hz": 4e3}, "occupancy.too_fine"),
        ({"stop_ns": NOON + 90_000 * SECOND}, "occupancy.too_long"),
    ):
        wrong = msgspec.structs.replace(query, **changes)
        with pytest.raises(Refused) as caught:
            get_occupancy_file(call(desk, wrong))
        assert caught.value.message_id == why


def test_sm1809_has_every_mandatory_key_and_every_level(desk: Desk) -> None:
    codes = quiet()
    codes[30, 20] = LOUD
    codes[40, 3] = 0
    desk.recorder.files.write([tile(codes)])
    head, _, body = scans(desk).partition("\n\n")
    header = dict(line.split(" ", 1) for line in head.splitlines())
    assert header == {
        "FileType": "Standard Data exchange Format 2.0",
        "LocationName": "s/hall",
        "Latitude": "34.15.30N",
        "Longitude": "108.55.43E",
        "FreqStart": "406002.500",
        "FreqStop": "406197.500",
        "AntennaType": "unknown",
        "FilterBandwidth": "5.000",
        "LevelUnits": "dBFS",
        "Date": "2027-01-16",
        "DataPoints": "40",
        "ScanTime": "1.000",
        "Detector": "Peak",
    }
    rows = [line.split(",") for line in body.splitlines()]
    assert len(rows) == 59 and {len(row) for row in rows} == {41}
    assert "12:00:40" not in [row[0] for row in rows]  # a point was not seen
    times = {row[0]: [float(x) for x in row[1:]] for row in rows}
    assert times["12:00:00"] == [-110.0] * 40
    assert times["12:00:30"][20] == -80.0 and sum(times["12:00:30"]) == -110.0 * 39 - 80.0
    assert scans(desk).isascii()


def test_sm1809_refuses_what_the_format_cannot_say(desk: Desk) -> None:
    desk.recorder.files.write([tile(quiet())])
    for changes, why in (
        ({"stop_hz": LOW_HZ + 400e3}, "sm1809.incomplete"),
        ({"stop_ns": NOON + 86_400 * SECOND}, "sm1809.one_day"),
    ):
        with pytest.raises(Refused) as caught:
            scans(desk, **changes)
        assert caught.value.message_id == why


@pytest.mark.parametrize(
    ("angle", "sides", "text"),
    [
        (0.0, "NS", "00.00.00N"),
        (-33.8568, "NS", "33.51.24S"),
        (59.99999, "NS", "60.00.00N"),
        (-151.2153, "EW", "151.12.55W"),
    ],
)
def test_angles(angle: float, sides: str, text: str) -> None:
    assert degrees(angle, sides) == text
