"""Hop time and share of time on the air of a sweeping dongle, against the bare driver.

The emulated dongle runs at real-time pace under the real driver.  ``tune`` is what the driver alone
takes; the site discards what its own calibration of the settling asks for.  The best share that is
possible is that of a site which loses the retune and the settling itself and nothing else.
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

BANDS = ("tv3-low", "tv3-high", "vhf-pmr", "uhf-403", "uhf-440")


def run(dwell_ms: float = 20.0, seconds: float = 40.0) -> Iterator[Metric | Skip]:
    """Sweep for so long."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emurun = build(folder)
        if isinstance(emurun, Skip):
            yield emurun
            return
        known, driver_s = calibrate(emurun, folder / "data", ["00000001"])
        assert known.settle_s is not None and known.discard_s is not None
        discard_s, dwell_s = known.discard_s, dwell_ms / 1e3
        before_s = bare_hop_s(emurun, dwell_s, discard_s)
        scene = (emurun.parent / "scenes" / "quiet.scene").read_text()
        with EmulatedSite(folder, emurun, site_toml(1, dwell_s, BANDS), scene) as site:
            site.wait_for("sensor_started")
            time.sleep(seconds)
        bare_s = (before_s + bare_hop_s(emurun, dwell_s, discard_s)) / 2
        visits = site.visits()
        spare_s = least_spare_s(site)
    visits = visits[visits[:, 0] > visits[0, 0] + 5.0]
    gaps_s = np.diff(visits[:, 0])
    # Twice in a row on one hop is no retune.
    gaps_s = gaps_s[visits[1:, 2] != visits[:-1, 2]]
    hop_s = float(np.median(gaps_s))
    mean_s = float(gaps_s[gaps_s < 0.5].mean())
    share = float((visits[:, 1] - visits[:, 0]).sum() / (visits[-1, 1] - visits[0, 0]))
    limit_s = driver_s + discard_s + dwell_s + 0.0015
    best = dwell_s / (driver_s + known.settle_s + dwell_s)
    yield Metric("driver's own retune", 1e3 * driver_s, "ms")
    yield Metric("settling, longest measured", 1e3 * known.settle_s, "ms")
    yield Metric("settling that is discarded", 1e3 * discard_s, "ms")
    yield Metric.of("shortest time from settled to a visit", 1e3 * spare_s, "ms", at_least=0.0)
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
    for percent in (90, 99):
        value = 1e3 * float(np.quantile(gaps_s, percent / 100))
        yield Metric(f"hop time, {percent} %", value, "ms")
    cut = float((visits[:, 1] - visits[:, 0] < dwell_s - 1e-5).mean())
    yield Metric("visits cut short, because their end came late", cut, "")
    yield Metric.of(
        "share of the time on the air",
        share,
        "",
        reference=best,
        ratio=share / best,
        at_least=0.47,
    )
    yield Metric("hops a second", 1 / mean_s, "1/s")


def least_spare_s(site: EmulatedSite) -> float:
    """Shortest time between the end of settling, by the emulator's log, and the next visit."""
    settled_s = np.array(
        [
            site.epoch_s + one["t_scene"] + one["settle"] / one["rate_hz"]
            for one in site.truth()
            if one["ev"] == "tune"
        ]
    )
    starts_s = np.sort(site.visits()[:, 0])
    # A visit belongs to the retune that began at most one hop before it.
    before = np.searchsorted(settled_s, starts_s + 0.01, side="right") - 1
    spare_s = (starts_s - settled_s[before])[before >= 0]
    return float(spare_s.min())
