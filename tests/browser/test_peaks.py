"""The table of peaks: frequency, width, level of a row; what was heard lately stays a while."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

SETUP = """
  const { decode } = await import("/static/levels.js");
  const { PeakTable, peaksOf } = await import("/static/peaktable.js");
  const n = 400, bin = 2500, start_hz = 169e6;
  const row = (put, time_s = 100) => {
    const codes = new Uint8Array(n).fill(60); // -110 dBFS
    for (const [at, code] of put) codes[at] = code;
    const grid = { start_hz, bin_width_hz: bin, n_bins: n, offset_db: -140, step_db: 0.5 };
    return { ...grid, sensor: "s", time_s, codes };
  };
  const flat = (level) => new Float32Array(n).fill(level);
  const reference = { baseline: flat(-112), threshold: flat(-100) };
"""


def run(modules: Any, code: str) -> Any:
    return modules.evaluate(f"async () => {{ {SETUP} {code} }}")


def test_a_peak_in_numbers(modules: Any) -> None:
    """Two equal bins: the centre is the edge between them; 26 dB below the peak the width ends."""
    [peak] = run(
        modules,
        "return peaksOf(decode(row([[99, 120], [100, 180], [101, 180], [102, 121]]), reference))",
    )
    assert peak["hz"] == pytest.approx(169e6 + 101 * 2500)
    assert peak["width_hz"] == 5000
    assert (peak["level_db"], peak["excess_db"]) == (-50, 62)


def test_a_carrier_between_two_bins(modules: Any) -> None:
    """6 dB more in one of two bins: four fifths of the power are there."""
    [peak] = run(modules, "return peaksOf(decode(row([[100, 180], [101, 168]]), reference))")
    part = 1 / (1 + 10**-0.6)
    assert peak["hz"] == pytest.approx(169e6 + 2500 * (100.5 * part + 101.5 * (1 - part)))


def test_peaks_at_both_ends_and_apart(modules: Any) -> None:
    found = run(
        modules, "return peaksOf(decode(row([[0, 150], [200, 160], [399, 150]]), reference))"
    )
    assert [round((peak["hz"] - 169e6) / 2500, 3) for peak in found] == [0.5, 200.5, 399.5]


def test_without_a_threshold_nothing_is_called_a_peak(modules: Any) -> None:
    assert run(modules, "return peaksOf(decode(row([[7, 200]]), undefined))") == []


def test_a_burst_stays_in_the_table_for_two_minutes(modules: Any) -> None:
    counts = run(
        modules,
        """const table = new PeakTable(), counts = [];
        table.add(decode(row([[100, 180]], 100), reference));
        for (const time_s of [101, 219, 221]) {
          table.add(decode(row([], time_s), reference));
          counts.push(table.peaks.length);
        }
        return counts""",
    )
    assert counts == [1, 1, 0]


def test_the_same_place_is_one_peak_with_its_largest_excess(modules: Any) -> None:
    [peak] = run(
        modules,
        """const table = new PeakTable();
        table.add(decode(row([[100, 180]], 100), reference));
        table.add(decode(row([[100, 140], [101, 139]], 101), reference));
        return table.within([{ start_hz: 169e6, stop_hz: 170e6 }])""",
    )
    assert (peak["most_db"], peak["excess_db"], peak["last_s"]) == (62, 42, 101)
    assert peak["hz"] == pytest.approx(169e6 + 100.5 * 2500), "the weak one does not move it"


def test_a_thousand_peaks_are_held_to_two_hundred(modules: Any) -> None:
    count = run(
        modules,
        """const table = new PeakTable();
        for (let k = 0; k < 6; k++) {
          const comb = row(Array.from({ length: 100 }, (_, i) => [4 * i, 150]), 100 + k);
          table.add(decode({ ...comb, start_hz: start_hz + k * 1e6 }, reference));
        }
        return [table.peaks.length, table.peaks.every(({ last_s }) => last_s >= 104)]""",
    )
    assert count == [200, True]
