"""Hop time and share of time on the air of a sweeping dongle, against the bare driver.

The emulated dongle runs at real-time pace under the real driver.  ``tune`` is what the driver alone
takes; the site discards the settling time that its own calibration measured.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from emulated import EmulatedSite, bare_hop_s, build, calibrate, site_toml

from sensors.benches import Metric, Skip
from sensors.calibration import SETTLE_MARGIN, SETTLE_SPARE_S

BANDS = ("tv3-low", "tv3-high", "vhf-pmr", "uhf-403", "uhf-440")


def run(dwell_ms: float = 20.0, seconds: float = 40.0) -> Iterator[Metric | Skip]:
    """Sweep for so long."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emurun = build(folder)
        if isinstance(emurun, Skip):
            yield emurun
            return
        measured = calibrate(emurun, folder / "data", ["00000001"])
        settle_s = measured["settle_s"] * SETTLE_MARGIN + SETTLE_SPARE_S
        dwell_s = dwell_ms / 1e3
        before_s = bare_hop_s(emurun, dwell_s, settle_s)
        scene = (emurun.parent / "scenes" / "quiet.scene").read_text()
        with EmulatedSite(folder, emurun, site_toml(1, dwell_s, BANDS), scene) as site:
            site.wait_for("sensor_started")
            time.sleep(seconds)
        bare_s = (before_s + bare_hop_s(emurun, dwell_s, settle_s)) / 2
        visits = site.visits()
    start_s = visits[:, 0]
    start_s = start_s[start_s > start_s[0] + 5.0]
    gaps_s = np.diff(start_s)
    # Twice in a row on one hop is no retune.
    hop_s = float(np.median(gaps_s))
    mean_s = float(gaps_s[gaps_s < 0.5].mean())
    limit_s = measured["tune_s"] + settle_s + dwell_s + 0.0015
    yield Metric("driver's own retune", 1e3 * measured["tune_s"], "ms")
    yield Metric("settling that is discarded", 1e3 * settle_s, "ms")
    yield Metric("a plain loop of retune and read now", 1e3 * bare_s, "ms")
    yield Metric.of(
        "hop time, median",
        1e3 * hop_s,
        "ms",
        reference=1e3 * limit_s,
        ratio=hop_s / limit_s,
        at_most=1.0,
        on="ratio",
    )
    yield Metric("hop time, mean", 1e3 * mean_s, "ms", 1e3 * limit_s, mean_s / limit_s)
    yield Metric.of("share of the time on the air", dwell_s / mean_s, "", at_least=0.47)
    yield Metric("hops a second", 1 / mean_s, "1/s")
