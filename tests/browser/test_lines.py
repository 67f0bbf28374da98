"""Rows become pixels: the maximum under each, unseen stays unseen, a burst lasts a line."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

SETUP = """
  const { UNSEEN, decode, decodeLevels, excessOf } = await import("/static/levels.js");
  const { Lines, References, raise } =
    await import("/static/lines.js");
  const grid = (n, start_hz = 100e6, stop_hz = 110e6) => ({
    start_hz, bin_width_hz: (stop_hz - start_hz) / n, n_bins: n, offset_db: -140, step_db: 0.5,
  });
  const piece = (width) => ({ x0: 0, x1: width, start_hz: 100e6, stop_hz: 110e6 });
  const newest = (lines, back) => Array.from(lines.line(lines.levels, back));
  const row = (codes, time_s, g = grid(codes.length)) => ({ ...g, time_s, duration_s: 0.1, codes });
"""


def run(modules: Any, code: str) -> Any:
    return modules.evaluate(f"async () => {{ {SETUP} {code} }}")


@pytest.mark.parametrize(
    ("bins", "width"), [(4096, 1200), (4096, 517), (1200, 1200), (300, 1200), (8192, 77)]
)
def test_a_carrier_in_any_bin_is_seen(modules: Any, bins: int, width: int) -> None:
    """Nearest-bin drawing would lose two carriers of three at 4096 bins to 1200 pixels."""
    lost = run(
        modules,
        f"""let lost = [];
        const levels = new Float32Array({bins}).fill(-100);
        for (let bin = 0; bin < {bins}; bin++) {{
          levels[bin] = -20;
          const out = new Float32Array({width}).fill(UNSEEN);
          raise(out, levels, grid({bins}), piece({width}));
          if (!out.includes(-20) || out.includes(UNSEEN)) lost.push(bin);
          levels[bin] = -100;
        }}
        return lost""",
    )
    assert lost == []


def test_a_carrier_is_drawn_at_its_frequency(modules: Any) -> None:
    """Bin edges and pixel edges meet: the lit pixels are those that the bin touches, no others."""
    wrong = run(
        modules,
        """const wrong = [], levels = new Float32Array(4096).fill(-100), width = 1200;
        for (let bin = 0; bin < 4096; bin += 37) {
          levels[bin] = -20;
          const out = new Float32Array(width).fill(UNSEEN);
          raise(out, levels, grid(4096), piece(width));
          const first = Math.floor(bin * width / 4096 + 1e-9);
          const last = Math.ceil((bin + 1) * width / 4096 - 1e-9) - 1;
          out.forEach((level, x) => {
            if ((level === -20) !== (x >= first && x <= last)) wrong.push([bin, x]);
          });
          levels[bin] = -100;
        }
        return wrong""",
    )
    assert wrong == []


def test_codes_are_half_decibels_and_zero_is_unseen(modules: Any) -> None:
    levels = run(modules, "return Array.from(decodeLevels(Uint8Array.of(0, 1, 81, 255), grid(4)))")
    assert levels == [-1000, -139.5, -99.5, -12.5]


def test_unseen_stays_unseen_through_every_step(modules: Any) -> None:
    cells = run(
        modules,
        """const lines = new Lines([piece(4)], 4, 10, 0.2);
        const codes = Uint8Array.of(80, 0, 80, 0);
        for (let k = 0; k < 5; k++) lines.feed(decode(row(codes, 1000.05 + 0.2 * k)));
        return [Array.from(lines.line(lines.levels, 0)), Array.from(lines.line(lines.excess, 0)), Array.from(lines.live)]""",  # noqa: E501
    )
    assert cells == [
        [-1000, -10000, -1000, -10000],
        [0, -10000, 0, -10000],
        [-100, -1000, -100, -1000],
    ]


def test_a_burst_of_one_row_stays_for_a_line(modules: Any) -> None:
    """Ten rows a second, one line of a whole second: the one loud row must be what is drawn."""
    levels = run(
        modules,
        """const lines = new Lines([piece(2)], 2, 10, 1);
        for (let k = 0; k < 20; k++) {
          lines.feed(decode(row(Uint8Array.of(k === 13 ? 200 : 80, 80), 1000.05 + 0.1 * k)));
        }
        lines.advance(1003);
        return [newest(lines, 1), newest(lines, 2)]""",
    )
    assert levels == [[-400, -1000], [-1000, -1000]]


def test_silence_becomes_unseen_lines(modules: Any) -> None:
    newest = run(
        modules,
        """const lines = new Lines([piece(3)], 3, 50, 0.2);
        lines.feed(decode(row(Uint8Array.of(80, 80, 80), 1000.1)));
        const finished = lines.advance(1004.1);
        return [finished, newest(lines, 0), newest(lines, 19)]""",
    )
    assert newest == [20, [-10000] * 3, [-1000] * 3]


def test_a_late_row_does_not_go_back_in_time(modules: Any) -> None:
    """Windows of one sensor arrive one after the other; none of them may disturb finished lines."""
    result = run(
        modules,
        """const lines = new Lines([piece(3)], 3, 50, 0.2);
        lines.feed(decode(row(Uint8Array.of(80, 80, 80), 1000.1)));
        lines.feed(decode(row(Uint8Array.of(90, 90, 90), 1000.5)));
        const finished = lines.feed(decode(row(Uint8Array.of(99, 99, 99), 1000.3)));
        return [finished, Array.from(lines.line(lines.levels, 1))]""",
    )
    assert result == [0, [-1000] * 3]


def test_excess_is_over_the_baseline_else_over_the_median(modules: Any) -> None:
    excess = run(
        modules,
        """const levels = Float32Array.of(-90, -100, UNSEEN, -100, -100);
        const baseline = Float32Array.of(-95, -101, -100, UNSEEN, -100);
        return [{ baseline }, undefined].map((it) => Array.from(excessOf(levels, it)))""",
    )
    assert excess == [[5, 1, -1000, 0, 0], [10, 0, -1000, 0, 0]]


def test_equal_references_are_recognised_and_old_ones_forgotten(modules: Any) -> None:
    answers = run(
        modules,
        """const references = new References(2), codes = Uint8Array.of(80, 80);
        const first = references.add(grid(2), codes, codes);
        const again = references.add(grid(2), codes, codes);
        const other = references.add(grid(2), codes, Uint8Array.of(90, 90));
        for (const stop of [120e6, 130e6]) references.add(grid(2, 100e6, stop), codes, codes);
        const forgotten = references.of(grid(2)) === undefined;
        return [first, again, other, references.byGrid.size, forgotten]""",
    )
    assert answers == [True, False, True, 2, True]


def test_history_is_bounded_and_cut_by_time(modules: Any) -> None:
    found = modules.evaluate(
        """async () => {
        const { History } = await import("/static/history.js");
        const history = new History(1000);
        for (let k = 0; k < 5000; k++) history.add({ time_s: k, codes: new Uint8Array(10) });
        const times = history.between(4950, 4953.5).map((row) => row.time_s);
        return [times, history.bytes, history.oldest_s, history.rows.length < 3000];
        }"""
    )
    assert found == [[4950, 4951, 4952, 4953], 1000, 4900, True]
