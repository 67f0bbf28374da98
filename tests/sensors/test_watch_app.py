"""The terminal view with panes, driven without a terminal."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from sensors.messages import (
    BandWatch,
    EmitterEvent,
    Heartbeat,
    SensorHealth,
    SpectrumReference,
    SpectrumRow,
)
from sensors.palette import BREAK, HATCH
from sensors.text import Lang

pytest.importorskip("textual", reason="the extra rfproctor[tui] is not installed")

from textual.widgets import Static

from sensors.watch_app import WatchApp, Waterfall

BINS = 3413
BIN_HZ = 8e6 / BINS


class Script:
    def __init__(self) -> None:
        self.messages: list[object] = []
        self.chosen: list[str] = []

    def choose(self, sensor: str) -> None:
        self.chosen.append(sensor)

    def take(self) -> list[object]:
        taken, self.messages = self.messages, []
        return taken


def beat() -> Heartbeat:
    bands = [BandWatch("low", 167e6, 175e6, 0.2, 0.99), BandWatch("high", 406e6, 408e6, 0.9, 0.9)]
    sensors = [SensorHealth(f"s/{n}", n, "rtl:1", "go", bands=bands) for n in ("hall", "gate")]
    return Heartbeat("s", "第三中学", time.time_ns(), 1, sensors)


def row(place: int) -> SpectrumRow:
    codes = np.full(BINS, 50, dtype=np.uint8)
    codes[place] = 110
    return SpectrumRow("s/hall", 1, time.time_ns(), 0.1, 167e6, BIN_HZ, codes.tobytes())


REFERENCE = SpectrumReference("s/hall", 167e6, BIN_HZ, bytes([50] * BINS), bytes([70] * BINS))
EVENT = EmitterEvent("s", "s/gate", "e1", "open", 169.5e6, 12e3, 20, 19, -40, 1, 2, 1, drill=True)


def colours(waterfall: Waterfall, line: int) -> list[str]:
    return waterfall._cells(line, waterfall.size.width)


def test_what_is_heard_is_on_the_screen() -> None:
    async def run() -> None:
        feed = Script()
        app = WatchApp(feed, "en")  # type: ignore[arg-type]
        feed.messages = [beat(), EVENT]
        async with app.run_test(size=(100, 40)) as pilot:
            assert feed.chosen == ["s/hall"]
            feed.messages = [REFERENCE, row(1700)]
            app.step()
            text = "\n".join(str(pane.render()) for pane in app.query(Static))
            assert "第三中学" in text
            assert "169.5000 MHz" in text
            assert "DRILL" in text
            assert "\x1b" not in text
            waterfall = app.query_one(Waterfall)
            shown = colours(waterfall, 0)
            high = [x for x, colour in enumerate(shown) if colour not in {*HATCH, BREAK, shown[0]}]
            assert len(high) == 1  # one bin in 3413 is still one cell
            assert high[0] == pytest.approx(0.5 * 100 * 0.67, abs=3)
            assert set(shown[-10:]) <= set(HATCH)  # nobody has received that band
            await pilot.press("n")
            assert feed.chosen[-1] == "s/gate"
            assert set(colours(waterfall, 0)) <= {*HATCH, BREAK}
            await pilot.press("q")

    asyncio.run(run())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_any_terminal_shows_the_head_and_the_keys(lang: Lang) -> None:
    """A pane of tmux of any size, and one that is resized meanwhile: nothing scrolls or wraps."""

    async def run() -> None:
        feed = Script()
        app = WatchApp(feed, lang)  # type: ignore[arg-type]
        feed.messages = [beat(), EVENT]
        async with app.run_test(size=(80, 24)) as pilot:
            for width, height in ((40, 12), (20, 5), (5, 2), (200, 60), (80, 24)):
                await pilot.resize_terminal(width, height)
                app.step()
                await pilot.pause()
                assert app.screen.size == (width, height)
                assert not any(app.screen.scrollbars_enabled)
                keys, head = app.query_one("#keys"), app.query_one("#head")
                assert keys.region.bottom == height
                if height >= 5:
                    assert 1 <= head.region.height <= len(app.view.head(width, 0.0))
                if height >= 12:
                    assert app.query_one("#rest").region.height >= 2
                    assert app.query_one(Waterfall).region.height >= 1
            assert app.query_one(Waterfall).region.height >= 4

    asyncio.run(run())


def test_silence_is_said() -> None:
    async def run() -> None:
        feed = Script()
        app = WatchApp(feed, "en")  # type: ignore[arg-type]
        feed.messages = [beat()]
        async with app.run_test(size=(80, 24)):
            app.view._beat_s -= 60
            app.step()
            assert "●" not in str(app.query_one("#head", Static).render())

    asyncio.run(run())
