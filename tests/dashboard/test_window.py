"""The live view: pixels lose no bin, silence is hatched, one clear line where it cannot open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from dashboard.frames import reference_frame, row_frame
from dashboard.window import Feed, Nothing, Session, feed_of, headless
from dashboard.window_feed import Beat, Flag, Heard, _read
from dashboard.window_figure import Picture
from dashboard.window_rows import DEPTH, SLOT_NS, Rows
from sensors.messages import BandWatch, SensorHealth, SpectrumReference, SpectrumRow, State
from sensors.toml import BadConfig

BANDS = [(167e6, 175e6), (406e6, 407e6)]
BINS = 3413
BIN_HZ = 8e6 / BINS
NOW_NS = 1_800_000_000 * 10**9


def row(levels: bytes, time_ns: int = NOW_NS, duration_s: float = 0.1) -> SpectrumRow:
    return SpectrumRow("s/hall", 0, time_ns, duration_s, 167e6, BIN_HZ, levels)


def reference(level: int = 50) -> SpectrumReference:
    return SpectrumReference("s/hall", 167e6, BIN_HZ, bytes([level] * BINS), bytes([80] * BINS))


@pytest.mark.parametrize("width", [90, 401, 1333])
@pytest.mark.parametrize("place", [0, 1234, BINS - 1])
def test_one_bin_is_never_lost(width: int, place: int) -> None:
    rows = Rows(BANDS, width)
    rows.refer(reference())
    codes = bytearray([50] * BINS)
    codes[place] = 110
    rows.take(row(bytes(codes)))
    assert np.nanmax(rows.live) == -85.0
    assert rows.excess[0].max() == 30.0
    at = int(np.nanargmax(rows.live))
    freq_hz = rows.freq_at((at + 0.5) / width)
    assert freq_hz is not None
    assert abs(freq_hz - (167e6 + (place + 0.5) * BIN_HZ)) <= 8e6 / (0.6 * width)


def test_another_width_shows_the_same() -> None:
    rng = np.random.default_rng(1)
    narrow, wide = Rows(BANDS, 300), Rows(BANDS, 900)
    for rows in (narrow, wide):
        rows.refer(reference())
    for k in range(20):
        line = rng.integers(1, 200, BINS, dtype=np.uint8).tobytes()
        for rows in (narrow, wide):
            rows.take(row(line, NOW_NS + k * SLOT_NS))
    narrow.resize(900)
    np.testing.assert_array_equal(narrow.excess, wide.excess)
    np.testing.assert_array_equal(narrow.hold, wide.hold)


def test_what_nobody_received_is_unseen() -> None:
    rows = Rows(BANDS, 300)
    rows.refer(reference())
    rows.take(row(bytes([60] * BINS)))
    rows.take(row(bytes([60] * BINS), NOW_NS + 10 * SLOT_NS))
    band = slice(0, int(rows.pieces[0].x1 * 300) - 1)
    assert np.isneginf(rows.excess[2:9, band]).all()
    assert np.isfinite(rows.excess[0, band]).all()
    assert np.isneginf(rows.excess[:, int(rows.pieces[1].x0 * 300) + 1 :]).all()
    assert rows.advance(NOW_NS + (DEPTH + 50) * SLOT_NS) == DEPTH
    assert np.isneginf(rows.excess).all()


class Script:
    """A feed that says what it is told."""

    trouble = ""

    def __init__(self, *messages: Heard) -> None:
        self.messages = list(messages)
        self.chosen = ""

    def choose(self, health: SensorHealth) -> None:
        self.chosen = health.sensor

    def take(self) -> list[Heard]:
        taken, self.messages = self.messages, []
        return taken

    def close(self) -> None:
        pass


def beat(*names: str, state: State = "go") -> Beat:
    bands = [BandWatch(f"b{k}", low, high, 0.2, 0.99) for k, (low, high) in enumerate(BANDS)]
    return Beat(
        "s",
        "第三中学",
        [SensorHealth(f"s/{n}", n, "scene:hall", state, bands=bands) for n in names],
    )


@pytest.fixture
def session() -> Iterator[Session]:
    figure = Figure(figsize=(8, 5), dpi=80)
    FigureCanvasAgg(figure)
    feed: Feed = Script(beat("hall", "gate"), reference(), row(bytes([60] * BINS)))
    yield Session(feed, Picture(figure, "zh"))


def pixels(session: Session) -> np.ndarray:
    session.picture.draw()
    return np.asarray(session.picture.figure.canvas.buffer_rgba()).copy()  # type: ignore[attr-defined]


def test_keys_change_what_is_seen(session: Session) -> None:
    session.step()
    assert session.sensor == "s/hall"
    before = pixels(session)
    for key in "eb":
        assert session.key(key)
        after = pixels(session)
        assert (after != before).any(axis=2).mean() > 0.001, key
        before = after
    assert session.key("n")
    assert session.sensor == "s/gate"
    assert not session.key("z")


def test_a_sensor_that_hears_is_shown_first() -> None:
    """A monitor tells of the silent sites first; until somebody chooses they wait."""
    feed = Script(beat("a", state="silent"), beat("b"), beat("c"))
    figure = Figure()
    FigureCanvasAgg(figure)
    session = Session(feed, Picture(figure, "en"))
    session.step()
    assert (session.sensor, feed.chosen) == ("s/b", "s/b")
    session.next(-1)
    feed.messages = [beat("b")]
    session.step()
    assert session.sensor == "s/a"


def test_pause_holds_the_picture(session: Session) -> None:
    session.step()
    session.key("space")
    slot = session.picture.rows.slot
    session._feed.messages = [row(bytes([60] * BINS), NOW_NS + 10**9)]  # type: ignore[attr-defined]
    session.step()
    assert session.picture.rows.slot == slot


def test_a_blit_is_the_whole_picture(session: Session) -> None:
    """What is drawn over the kept frame equals a drawing from nothing."""
    session.step()
    flag = Flag("1", ("s/hall",), 169.5e6, 12e3, 20.0, "", 80, NOW_NS, "new")
    session.picture.alarm(flag)
    session.picture._clock.set_visible(False)
    session.picture.draw()
    blitted = pixels(session)
    session.picture.forget()
    np.testing.assert_array_equal(pixels(session), blitted)


def test_saves_a_picture(tmp_path: Path) -> None:
    codes = bytes([200 if 600 < k < 640 else 60 for k in range(BINS)])
    feed = Script(beat("hall"), reference(), row(codes))
    headless(feed, "en", "", str(tmp_path / "w.png"), 0.1, raw=False)
    picture = imread(tmp_path / "w.png")
    assert picture.shape[:2] == (1200, 1920)
    assert feed.chosen == "s/hall"


def test_nothing_heard_says_what_was(tmp_path: Path) -> None:
    with pytest.raises(Nothing) as caught:
        headless(Script(beat("hall")), "en", "s/attic", str(tmp_path / "w.png"), 0.1, raw=False)
    assert caught.value.exit_code == 3
    assert caught.value.fields["sensors"] == "s/hall"


@pytest.mark.parametrize("address", ["127.0.0.1:8480", "ftp://x", ""])
def test_bad_address(address: str) -> None:
    with pytest.raises(BadConfig) as caught:
        feed_of(address, "", "")
    assert caught.value.message_id == "window.bad_address"


def test_frames_of_the_monitor_come_back_whole() -> None:
    sent = row(bytes([60] * BINS))
    assert _read(row_frame("w0", sent)) == [sent]
    assert _read(reference_frame("w0", reference())) == [reference()]


def test_no_display_is_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "rfproctor", "--lang", "en", "window", "tcp://127.0.0.1:1"],
        capture_output=True, timeout=60, env={"PATH": ""}, encoding="utf-8", check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "--save PNG" in ended.stderr
