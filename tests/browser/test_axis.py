"""The frequency axis: gaps left out, linear inside a band, pixel and frequency agree."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

pytestmark = pytest.mark.browser

BANDS = """
  const { Axis, joinBands, niceStep, BREAK_PX } = await import("/static/axis.js");
  const bands = [
    { start_hz: 403e6, stop_hz: 423.5e6 },
    { start_hz: 167e6, stop_hz: 175e6 },
    { start_hz: 175e6, stop_hz: 223e6 },
  ];
  const axis = new Axis(bands);
"""


def run(modules: Any, code: str) -> Any:
    return modules.evaluate(f"async () => {{ {BANDS} {code} }}")


def test_touching_bands_are_one_piece_and_gaps_are_left_out(modules: Any) -> None:
    pieces = run(modules, "return axis.pieces(1000)")
    assert [(p["start_hz"], p["stop_hz"]) for p in pieces] == [(167e6, 223e6), (403e6, 423.5e6)]
    assert pieces[0]["x0"] == 0
    assert pieces[1]["x1"] == pytest.approx(1000)
    assert pieces[1]["x0"] - pieces[0]["x1"] == run(modules, "return BREAK_PX")


def test_a_pixel_is_its_frequency(modules: Any) -> None:
    worst = run(
        modules,
        """let worst = 0;
        for (const view of [axis, axis.showHz(168.9e6, 169.1e6), axis.showHz(200e6, 410e6)])
          for (const hz of [167.01e6, 169e6, 169.0023e6, 222.9e6, 403.2e6, 409.8e6, 423.4e6]) {
            const x = view.xOf(hz, 1234);
            if (x !== null) worst = Math.max(worst, Math.abs(view.hzAt(x, 1234) - hz));
          }
        return worst""",
    )
    assert worst < 1e-3


def test_nothing_lives_in_a_break(modules: Any) -> None:
    assert run(modules, "return axis.xOf(300e6, 1000)") is None
    assert run(modules, "return axis.hzAt(axis.pieces(1000)[0].x1 + 5, 1000)") is None


def test_zoom_keeps_the_place_under_the_cursor(modules: Any) -> None:
    moved = run(
        modules,
        """const before = axis.xOf(210.3e6, 1200), one = axis.showHz(200e6, 220e6);
        const x = one.xOf(210.3e6, 1200);
        return Math.abs(one.zoom(one.uOf(210.3e6), 0.5).xOf(210.3e6, 1200) - x)""",
    )
    assert moved < 1e-6


@pytest.mark.parametrize(
    "view",
    ["axis.zoom(0.5, 1e9)", "axis.pan(-5)", "axis.show(-3, 9)", "axis.showHz(1e6, 2e9)"],
)
def test_the_view_never_leaves_the_axis(modules: Any, view: str) -> None:
    u0, u1 = run(modules, f"const v = {view}.view; return [v.u0, v.u1]")
    assert 0 <= u0 < u1 <= 1 + 1e-12


def test_zoom_ends_at_20_khz(modules: Any) -> None:
    span = run(
        modules,
        """const [piece] = axis.showHz(169e6, 169e6).pieces(1000);
        return piece.stop_hz - piece.start_hz""",
    )
    assert span == pytest.approx(20e3, rel=1e-6)


def test_no_band_is_an_empty_axis(modules: Any) -> None:
    assert run(modules, "return new Axis([]).pieces(800)") == []
    assert run(modules, "return new Axis([]).ticks(800)") == []
    assert run(modules, "return new Axis([]).zoom(0.5, 0.5).hzAt(3, 800)") is None


def test_ticks_are_round_and_apart(modules: Any) -> None:
    ticks = run(modules, "return axis.showHz(168.95e6, 169.05e6).ticks(1000)")
    labels = [tick["label"] for tick in ticks if tick["label"]]
    assert labels == [
        "168.96",
        "168.97",
        "168.98",
        "168.99",
        "169.00",
        "169.01",
        "169.02",
        "169.03",
        "169.04",
    ]
    gaps = [b["x"] - a["x"] for a, b in itertools.pairwise(ticks)]
    assert min(gaps) > 60


def test_nice_steps(modules: Any) -> None:
    steps = run(modules, "return [0.9e3, 1e3, 1.1e3, 2.1e6, 5e6, 7e6].map(niceStep)")
    assert steps == [1e3, 1e3, 2e3, 5e6, 5e6, 1e7]
