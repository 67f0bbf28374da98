"""Frames a second of `rfproctor window`: 4096 new bins a frame over 500 rows, Agg and TkAgg."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dashboard.window_feed import Beat, Flag, Heard
from dashboard.window_figure import Picture
from sensors.benches import Metric, Skip
from sensors.messages import BandWatch, SensorHealth, SpectrumReference, SpectrumRow

BINS = 4096
ROWS = 500
START_HZ, BIN_HZ = 167e6, 2343.75
SIZE_IN = (12.8, 9.6)
"""The waterfall is then just 500 pixels high at 100 dpi."""


class Scripted:
    """Rows of noise with a carrier, as fast as they are asked for."""

    trouble = ""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self._noise = rng.integers(50, 60, (64, BINS), dtype=np.uint8)
        self._row = 0
        self._begun = False

    def choose(self, health: SensorHealth) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> list[Heard]:
        heard: list[Heard] = []
        if not self._begun:
            self._begun = True
            band = BandWatch("tv3", START_HZ, START_HZ + BINS * BIN_HZ, 0.2, 1.0)
            health = SensorHealth("s/hall", "hall", "scene:hall", "go", bands=[band])
            levels = bytes([54] * BINS), bytes([70] * BINS)
            heard = [
                Beat("s", "Bench", [health]),
                SpectrumReference("s/hall", START_HZ, BIN_HZ, *levels),
                *(
                    Flag(str(k), ("s/hall",), 168e6 + k * 1e6, 12e3, 20.0, "", 80, k, "new")
                    for k in range(6)
                ),
            ]
        codes = self._noise[self._row % 64].copy()
        codes[1000:1004] = 120 + self._row % 20
        time_ns = 1_800_000_000_000_000_000 + self._row * 200_000_000
        self._row += 1
        return [
            *heard,
            SpectrumRow("s/hall", self._row, time_ns, 0.2, START_HZ, BIN_HZ, codes.tobytes()),
        ]


def run(*, frames: int = 150) -> Iterator[Metric | Skip]:
    yield Metric.of("agg", _agg(frames), "frames/s", at_least=15.0)
    if shutil.which("xvfb-run") is None:
        yield Skip("TkAgg needs a display: install xvfb")
        return
    try:
        import tkinter  # noqa: F401
    except ImportError:
        yield Skip("this Python has no tkinter")
        return
    command = ["xvfb-run", "-a", "-s", "-screen 0 1400x1100x24", sys.executable, __file__]
    tree = str(Path(__file__).resolve().parents[2])
    shown = subprocess.run(
        [*command, str(frames)],
        capture_output=True,
        timeout=120,
        check=True,
        env={**os.environ, "PYTHONPATH": tree},
    )
    yield Metric.of("tkagg", json.loads(shown.stdout), "frames/s", at_least=15.0)


def _agg(frames: int) -> float:
    """Rate without a screen."""
    from dashboard.window import Session

    figure = Figure(figsize=SIZE_IN, dpi=100)
    FigureCanvasAgg(figure)
    session = Session(Scripted(), Picture(figure, "en"))
    for _ in range(ROWS):
        session.step()
    session.picture.draw()
    started_s = time.perf_counter()
    for _ in range(frames):
        session.step()
        session.picture.draw()
    return frames / (time.perf_counter() - started_s)


def _tk(frames: int) -> float:
    """Rate on a screen, each frame shown before the next is made."""
    import tkinter

    import dashboard.window_desktop as desktop_module

    root = tkinter.Tk()
    module: Any = desktop_module
    module.SIZE_IN = SIZE_IN
    desktop = desktop_module.Desktop(root, Scripted(), "en")
    for _ in range(ROWS):
        desktop.session.step()
    desktop.draw()
    root.update()
    started_s = time.perf_counter()
    for _ in range(frames):
        desktop.session.step()
        desktop.draw()
        root.update()
    return frames / (time.perf_counter() - started_s)


if __name__ == "__main__":
    print(json.dumps(_tk(int(sys.argv[1]))))
