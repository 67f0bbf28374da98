from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.picture import Frame, draw, level_for
from dashboard.pyramid import (
    DAY_NS,
    LEVELS,
    SECOND,
    Codes,
    Tile,
    coarser,
    mean_codes,
    powers,
)
from dashboard.recorder import Recorder, history, standard_codes, windows_of
from dashboard.ring import SPARE_S, Ring
from dashboard.state import Board, beat
from dashboard.tiles import TileFiles
from sensors.messages import BandWatch, Heartbeat, SensorHealth, SpectrumRow, Watch

MIDNIGHT = 20_000 * DAY_NS
MINUTE = 60 * SECOND


def tile(codes: Codes, start_ns: int = MIDNIGHT, start_hz: float = 100e6) -> Tile:
    return Tile("s/hall", 0, start_ns, start_hz, 1e3, codes)


def empty(n_bins: int = 16) -> Codes:
    return np.zeros((60, n_bins), dtype=np.uint8)


def plain(frame: Frame, tiles: list[Tile]) -> Codes:
    """The same picture, cell by cell."""
    picture = np.zeros((frame.height, frame.width), dtype=np.uint8)
    pixel_ns = (frame.stop_ns - frame.start_ns) / frame.height
    pixel_hz = (frame.stop_hz - frame.start_hz) / frame.width
    for each in tiles:
        row_ns = LEVELS[each.level].row_ns
        for y in range(frame.height):
            for x in range(frame.width):
                low_ns, low_hz = frame.start_ns + y * pixel_ns, frame.start_hz + x * pixel_hz
                for row, codes in enumerate(each.codes):
                    t = each.start_ns + row * row_ns
                    if t + row_ns <= low_ns + 1 or t >= low_ns + pixel_ns - 1:
                        continue
                    for index, code in enumerate(codes):
                        f = each.start_hz + index * each.bin_width_hz
                        if f + each.bin_width_hz <= low_hz + 1e-3 or f >= low_hz + pixel_hz - 1e-3:
                            continue
                        picture[y, x] = max(picture[y, x], code)
    return picture


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(-70, 70),
    st.integers(1, 130),
    st.integers(-20, 20),
    st.integers(1, 40),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_a_picture_is_the_maximum_under_each_pixel(
    seed: int, from_s: int, for_s: int, from_khz: int, for_khz: int, width: int, height: int
) -> None:
    codes = np.random.default_rng(seed).integers(0, 255, (60, 16)).astype(np.uint8)
    codes.setflags(write=False)
    start_hz = 100e6 + from_khz * 1e3
    start_ns = MIDNIGHT + from_s * SECOND
    frame = Frame(
        start_ns, start_ns + for_s * SECOND, start_hz, start_hz + for_khz * 1e3, width, height
    )
    assert np.array_equal(draw(frame, [tile(codes)]), plain(frame, [tile(codes)]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.sampled_from((0, 99)))
def test_a_mean_is_of_the_power_of_what_was_seen(
    seed: int, width: int, height: int, unseen: int
) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, 255, (60, 18)).astype(np.uint8)
    codes[rng.random((60, 18)) * 100 < unseen] = 0
    # Pixels of whole cells, so that a cell belongs to one of them.
    frame = Frame(MIDNIGHT, MIDNIGHT + 60 * SECOND, 100e6, 100e6 + 18e3, 18, 60)
    assert np.array_equal(draw(frame, [tile(codes)], "mean"), codes)
    tall, wide = 60 // height, 18 // width
    frame = Frame(
        *(MIDNIGHT, MIDNIGHT + height * tall * SECOND),
        *(100e6, 100e6 + width * wide * 1e3, width, height),
    )
    cells = codes[: height * tall, : width * wide].reshape(height, tall, width, wide)
    watts = np.where(cells > 0, 10.0 ** (cells / 20), 0).sum(axis=(1, 3))
    seen = (cells > 0).sum(axis=(1, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = np.where(seen > 0, 20 * np.log10(watts / seen), 0)
    picture = draw(frame, [tile(codes)], "mean").astype(float)
    assert np.array_equal(picture > 0, seen > 0)
    assert np.abs(picture - exact.clip(1))[seen > 0].max(initial=0) <= 0.51


def test_coarser_means_are_of_everything_under_them_however_it_was_written(tmp_path: Path) -> None:
    """Two hours, every minute in two parts, as after a restart; the second hour half unseen."""
    rng = np.random.default_rng(3)
    files = TileFiles(tmp_path)
    whole = rng.integers(1, 200, (120, 60, 8)).astype(np.uint8)
    whole[60:, 30:] = 0
    for minute, codes in enumerate(whole):
        for rows in (slice(0, 20), slice(20, 60)):
            part = np.zeros_like(codes)
            part[rows] = codes[rows]
            files.write([tile(part, MIDNIGHT + minute * MINUTE)])
    times = (MIDNIGHT, MIDNIGHT + 2 * 60 * MINUTE)
    minutes = np.concatenate(
        [each.codes for each in files.read("s/hall", 1, *times, 0, 1e9, "mean")]
    )
    exact = np.stack(
        [mean_codes(powers(c).sum(0), (c > 0).sum(0, dtype=np.float32)) for c in whole]
    )
    assert np.array_equal(minutes, exact)
    (quarters,) = files.read("s/hall", 2, *times, 0, 1e9, "mean")
    by_quarter = powers(exact).reshape(8, 15, 2, 4).mean(axis=(1, 3))
    assert np.array_equal(quarters.codes[:8], mean_codes(by_quarter, np.ones_like(by_quarter)))
    assert not quarters.codes[8:].any()
    (finest, *_) = files.read("s/hall", 0, *times, 0, 1e9, "mean")
    assert np.array_equal(finest.codes, whole[0])
    files.close()


def test_a_day_from_before_means_were_kept_is_unseen_in_the_mean(tmp_path: Path) -> None:
    files = TileFiles(tmp_path)
    files.write([tile(np.full((60, 4), 9, dtype=np.uint8))])
    files.close()
    with sqlite3.connect(next(tmp_path.glob("*.db"))) as connection:
        connection.execute("DROP TABLE mean")
    connection.close()
    window = ("s/hall", 1, MIDNIGHT, MIDNIGHT + MINUTE, 0.0, 1e9)
    assert [t.codes.max() for t in files.read(*window)] == [9]
    assert list(files.read(*window, "mean")) == []
    files.write([tile(np.full((60, 4), 5, dtype=np.uint8), MIDNIGHT + MINUTE)])
    assert [t.codes.max() for t in files.read(*window, "mean")] == [5]
    files.close()


def test_one_short_narrow_burst_is_seen_at_every_level(tmp_path: Path) -> None:
    files = TileFiles(tmp_path / "history")
    for minute in range(0, 24 * 60, 7):
        codes = np.full((60, 64), 30, dtype=np.uint8)
        if minute == 700:
            codes[17, 41] = 200
        files.write([tile(codes, MIDNIGHT + minute * MINUTE)])
    for height in (86_400, 1440, 600, 96, 10):
        frame = Frame(MIDNIGHT, MIDNIGHT + DAY_NS, 100e6, 100e6 + 64e3, 16, height)
        level = level_for(frame)
        tiles = files.read("s/hall", level, frame.start_ns, frame.stop_ns, 100e6, 100.064e6)
        picture = draw(frame, tiles)
        rows, columns = np.nonzero(picture == 200)
        assert set(columns) == {41 * 16 // 64}
        seconds = (rows + 0.5) / height * 86_400
        row_s = LEVELS[level].row_ns / 1e9
        assert np.all(np.abs(seconds - 700 * 60 - 17.5) <= row_s + 86_400 / height)
    files.close()


def test_tiles_written_in_parts_are_one(tmp_path: Path) -> None:
    """The process was restarted in the middle of a minute."""
    files = TileFiles(tmp_path)
    first, second = empty(), empty()
    first[:20], second[20:] = 50, 70
    files.write([tile(first)])
    files.write([tile(second)])
    (found,) = files.read("s/hall", 0, MIDNIGHT, MIDNIGHT + MINUTE, 0, 1e9)
    assert np.array_equal(found.codes, np.maximum(first, second))
    (coarse,) = files.read("s/hall", 1, MIDNIGHT, MIDNIGHT + MINUTE, 0, 1e9)
    assert (coarse.codes[0] == 70).all() and not coarse.codes[1:].any()
    files.close()


def test_unseen_stays_unseen_in_the_coarser_levels() -> None:
    codes = empty(6)
    codes[:, 5] = 9
    coarse = coarser(coarser(tile(codes, MIDNIGHT + 61 * MINUTE)))
    assert coarse.codes.shape == (96, 2)
    assert np.flatnonzero(coarse.codes.any(axis=1)).tolist() == [4]
    assert coarse.codes[4].tolist() == [0, 9]


def test_only_what_was_asked_for_is_read(tmp_path: Path) -> None:
    files = TileFiles(tmp_path)
    codes = np.ones((60, 16), dtype=np.uint8)
    files.write([tile(codes), tile(codes, MIDNIGHT - MINUTE), tile(codes, start_hz=200e6)])
    assert {p.name for p in tmp_path.glob("*.db")} == {"2024-10-03.db", "2024-10-04.db"}
    around = list(files.read("s/hall", 0, MIDNIGHT - SECOND, MIDNIGHT + SECOND, 99e6, 101e6))
    assert sorted(t.start_ns for t in around) == [MIDNIGHT - MINUTE, MIDNIGHT]
    assert list(files.read("s/fence", 0, MIDNIGHT, MIDNIGHT + MINUTE, 0, 1e9)) == []
    files.close()


def test_old_days_are_deleted(tmp_path: Path) -> None:
    files = TileFiles(tmp_path)
    for day in range(5):
        files.write([tile(np.ones((60, 4), dtype=np.uint8), MIDNIGHT + day * DAY_NS)])
    assert files.expire(MIDNIGHT + 4 * DAY_NS + 5, days=2) == ["2024-10-04.db", "2024-10-05.db"]
    assert [p.name for p in sorted(tmp_path.glob("*.db"))] == [
        "2024-10-06.db",
        "2024-10-07.db",
        "2024-10-08.db",
    ]
    files.close()


class Site:
    """Gives rows to whoever watches."""

    def __init__(self) -> None:
        self.watches: dict[int, Watch] = {}
        self.count = 0

    def watch(self, watch: Watch) -> int:
        self.count += 1
        self.watches[self.count] = watch
        return self.count

    def unwatch(self, number: int) -> None:
        del self.watches[number]


def board_of(*bands: tuple[float, float]) -> Board:
    watched = [BandWatch(f"b{i}", low, high, 0.5, 0.9) for i, (low, high) in enumerate(bands)]
    health = SensorHealth(sensor="s/hall", position="hall", source="x", state="go", bands=watched)
    said = Heartbeat(site="s", site_name="", time_ns=1, started_ns=1, sensors=[health])
    return beat({}, said, 1)


def row(
    number: int, watch: Watch, second: float, code: int, duration_s: float = 1.0
) -> SpectrumRow:
    return SpectrumRow(
        sensor=watch.sensor,
        seq=0,
        time_ns=MIDNIGHT + round(second * SECOND),
        duration_s=duration_s,
        start_hz=watch.start_hz,
        bin_width_hz=1.0,
        levels=bytes([code] * watch.n_bins),
        watch=number,
    )


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    recorder = Recorder(TileFiles(tmp_path / "history"), 1000)
    recorder.watcher = Site()
    return recorder


def write_over(recorder: Recorder, now_ns: int) -> int:
    """Write the minutes that are over, as the monitor does; returns how many."""
    rings = recorder.over(now_ns)
    for ring in rings:
        tile = ring.tile(ring.begin)
        recorder.files.write([tile])
        ring.written(tile)
    return len(rings)


def test_the_recorder_follows_the_bands_that_sites_watch(recorder: Recorder) -> None:
    site = recorder.watcher
    assert isinstance(site, Site)
    recorder.follow(board_of((167e6, 175e6), (406e6, 408e6)))
    assert sorted(w.n_bins for w in site.watches.values()) == [200, 800]
    assert {w.every_s for w in site.watches.values()} == {1.0}
    recorder.follow(board_of((167e6, 175e6), (406e6, 408e6)))
    assert site.count == 2
    number, watch = next((n, w) for n, w in site.watches.items() if w.stop_hz == 408e6)
    recorder.row(row(number, watch, 5, code=7))
    recorder.follow(board_of((167e6, 175e6)))
    (ring,) = recorder.over(MIDNIGHT)
    (ended,) = ring.tiles()
    assert (ended.start_hz, ended.codes.max()) == (406e6, 7)
    assert [w.n_bins for w in site.watches.values()] == [1000]
    ring.written(ended)
    recorder.follow(board_of((167e6, 175e6)))
    assert recorder.over(MIDNIGHT) == []


def test_rows_become_tiles_and_are_seen_before_they_are_written(recorder: Recorder) -> None:
    recorder.follow(board_of((167e6, 168e6)))
    assert isinstance(recorder.watcher, Site)
    ((number, watch),) = recorder.watcher.watches.items()
    for second in range(130):
        recorder.row(row(number, watch, second + 0.5, code=second + 1))
        write_over(recorder, MIDNIGHT)
    frame = Frame(MIDNIGHT, MIDNIGHT + 150 * SECOND, 167e6, 168e6, 5, 150)
    picture = history(recorder, "s/hall", frame)
    assert picture[:, 2].tolist() == [*range(1, 131), *[0] * 20]
    assert recorder.rows == 130
    recorder.close()
    assert np.array_equal(history(recorder, "s/hall", frame), picture)


def test_rows_a_little_slower_than_a_second_leave_no_gap(recorder: Recorder) -> None:
    recorder.follow(board_of((167e6, 168e6)))
    assert isinstance(recorder.watcher, Site)
    ((number, watch),) = recorder.watcher.watches.items()
    second = 0.3
    while second < 130:
        recorder.row(row(number, watch, second, code=9, duration_s=1.07))
        write_over(recorder, MIDNIGHT)
        second += 1.07
    frame = Frame(MIDNIGHT, MIDNIGHT + 129 * SECOND, 167e6, 168e6, 5, 129)
    assert (history(recorder, "s/hall", frame) == 9).all()


def test_a_real_gap_stays_a_gap(recorder: Recorder) -> None:
    recorder.follow(board_of((167e6, 168e6)))
    assert isinstance(recorder.watcher, Site)
    ((number, watch),) = recorder.watcher.watches.items()
    for second in (1, 2, 6):
        recorder.row(row(number, watch, second + 0.5, code=9))
    (open_tile,) = recorder.open_tiles("s/hall")
    assert np.flatnonzero(open_tile.codes[:, 0]).tolist() == [1, 2, 6]


def test_a_row_that_took_long_covers_its_time(recorder: Recorder) -> None:
    recorder.follow(board_of((167e6, 168e6)))
    assert isinstance(recorder.watcher, Site)
    ((number, watch),) = recorder.watcher.watches.items()
    recorder.row(row(number, watch, 10.2, code=7, duration_s=4.0))
    (open_tile,) = recorder.open_tiles("s/hall")
    assert np.flatnonzero(open_tile.codes[:, 0]).tolist() == [7, 8, 9, 10]


def test_late_and_foreign_rows_change_nothing(recorder: Recorder) -> None:
    recorder.follow(board_of((167e6, 168e6)))
    assert isinstance(recorder.watcher, Site)
    ((number, watch),) = recorder.watcher.watches.items()
    recorder.row(row(number, watch, 70, code=7))
    recorder.row(row(number, watch, 10, code=9))
    recorder.row(row(number + 1, watch, 71, code=9))
    assert (recorder.rows, recorder.late) == (1, 1)
    (open_tile,) = recorder.open_tiles("s/hall")
    assert open_tile.codes.max() == 7


def test_a_clock_that_was_wrong_and_is_set_back_stops_nothing(recorder: Recorder) -> None:
    recorder.follow(board_of((167e6, 168e6)))
    assert isinstance(recorder.watcher, Site)
    ((number, watch),) = recorder.watcher.watches.items()
    recorder.row(row(number, watch, 10 * 365 * 86_400, code=7))
    for second in range(3):
        recorder.row(row(number, watch, second, code=9))
    assert (recorder.rows, recorder.late, recorder.lost) == (4, 0, 1)
    (open_tile,) = recorder.open_tiles("s/hall")
    assert open_tile.start_ns == MIDNIGHT
    assert open_tile.codes[:4, 0].tolist() == [9, 9, 9, 0]


def test_what_a_silent_sensor_gathered_is_written(recorder: Recorder) -> None:
    recorder.follow(board_of((167e6, 168e6)))
    assert isinstance(recorder.watcher, Site)
    ((number, watch),) = recorder.watcher.watches.items()
    recorder.row(row(number, watch, 5, code=7))
    assert write_over(recorder, MIDNIGHT + 50 * SECOND) == 0
    assert write_over(recorder, MIDNIGHT + 64 * SECOND) == 1
    assert write_over(recorder, MIDNIGHT + 200 * SECOND) == 0
    assert list(recorder.open_tiles("s/hall")) == []


def test_a_disk_that_stops_for_a_while_costs_nothing_and_then_whole_minutes(
    recorder: Recorder,
) -> None:
    recorder.follow(board_of((167e6, 168e6)))
    assert isinstance(recorder.watcher, Site)
    ((number, watch),) = recorder.watcher.watches.items()
    for second in range(60 + SPARE_S):
        recorder.row(row(number, watch, second, code=second + 1))
    assert recorder.lost == 0
    assert [tile.codes[:, 0].tolist() for tile in recorder.open_tiles("s/hall")] == [
        list(range(1, 61)),
        [*range(61, 61 + SPARE_S), *[0] * (60 - SPARE_S)],
    ]
    recorder.row(row(number, watch, 60 + SPARE_S, code=200))
    assert recorder.lost == 1
    (left,) = recorder.open_tiles("s/hall")
    assert left.start_ns == MIDNIGHT + MINUTE
    assert left.codes[: SPARE_S + 1, 0].tolist() == [*range(61, 61 + SPARE_S), 200]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-2, 90), st.integers(1, 70)), max_size=30), st.randoms())
def test_a_ring_holds_the_maximum_of_every_second_or_says_what_it_lost(
    steps: list[tuple[int, int]], random: Random
) -> None:
    watch = Watch(sensor="s/hall", start_hz=0, stop_hz=1, n_bins=1, credit=0)
    ring, kept, second, gone = Ring(watch), dict[int, int](), 1000, set[int]()
    lost = 0
    for step, code in steps:
        second += step
        covered = ring.covers(row(1, watch, second - MIDNIGHT // SECOND, code))
        if ring.is_late(covered):
            continue
        lost += ring.put(covered, np.array([code], dtype=np.uint8))
        for each in covered:
            if each >= ring.begin:
                kept[each] = max(code, kept.get(each, 0))
        gone |= {s // 60 for s in kept if s < ring.begin}
        kept = {s: k for s, k in kept.items() if s >= ring.begin}
        if ring.is_over(0) and random.random() < 0.3:
            minute = ring.tile(ring.begin)
            assert seconds_of(minute) == {
                s: k for s, k in kept.items() if s < minute.start_ns // SECOND + 60
            }
            ring.written(minute)
            kept = {s: k for s, k in kept.items() if s >= minute.start_ns // SECOND + 60}
    assert {s: k for minute in ring.tiles() for s, k in seconds_of(minute).items()} == kept
    assert lost >= len(gone)


def seconds_of(minute: Tile) -> dict[int, int]:
    """What a tile of one bin holds, by the second."""
    first = minute.start_ns // SECOND
    return {first + i: code for i, code in enumerate(minute.codes[:, 0].tolist()) if code}


def test_other_steps_are_converted() -> None:
    watch = Watch(sensor="s/hall", start_hz=0, stop_hz=1, n_bins=3, credit=0)
    one = row(1, watch, 0, 0)
    coarse = SpectrumRow(
        **{f: getattr(one, f) for f in one.__struct_fields__ if f not in ("levels", "step_db")},
        levels=bytes([0, 1, 100]),
        step_db=1.0,
    )
    assert standard_codes(coarse).tolist() == [0, 2, 200]


def test_no_band_no_window() -> None:
    assert windows_of("s/hall", [], 4096) == []
    assert windows_of("s/hall", [BandWatch("b", 5e6, 5e6, 1, 1)], 4096) == []


def test_a_reader_never_finds_a_file_without_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever the writer is about to open something, what is there can be read."""
    files = TileFiles(tmp_path)
    reads: list[int] = []
    connect = sqlite3.connect

    def watched(path: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(path, **options)
        monkeypatch.setattr(sqlite3, "connect", connect)
        reads.append(len(list(files.read("s/hall", 0, 0, 2**62, 0.0, 1e9))))
        monkeypatch.setattr(sqlite3, "connect", watched)
        return connection

    monkeypatch.setattr(sqlite3, "connect", watched)
    files.write([tile(empty())])
    monkeypatch.undo()
    files.close()
    assert len(reads) >= 2
