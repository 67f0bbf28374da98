"""What ``doctor`` measured of a site's dongles, kept by serial beside the site's data."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from sensors.doctor import Finding

FILE_NAME = "dongles.json"
SPREADS = 2.0
SPARE_S = 3e-4
"""What is discarded is more than what was measured: a few retunes do not show the slowest of a
hundred thousand, and the time of arrivals is known to a transfer's delay only."""


class Calibration(Struct, frozen=True):
    """One dongle as last measured; None where that could not be measured.

    Attributes
    ----------
    time_ns : int
        UTC of the measurement.
    tune_s : float or None
        Mean retune.
    settle_s, settle_spread_s : float or None
        Longest time after it until samples are right; how far that lies above the median.
    ppm, sigma_ppm : float or None
        Crystal error and its standard uncertainty; positive runs fast.
    """

    time_ns: int
    tune_s: float | None = None
    settle_s: float | None = None
    settle_spread_s: float | None = None
    ppm: float | None = None
    sigma_ppm: float | None = None

    @property
    def discard_s(self) -> float | None:
        """What to throw away after a retune of this dongle."""
        if self.settle_s is None or self.settle_spread_s is None:
            return None
        return self.settle_s + SPREADS * self.settle_spread_s + SPARE_S


def calibrations(data: Path) -> dict[str, Calibration]:
    """Return the known dongles by serial; none where nothing was measured or it is damaged."""
    try:
        raw = (data / FILE_NAME).read_bytes()
        return msgspec.json.decode(raw, type=dict[str, Calibration])
    except (OSError, msgspec.DecodeError):
        return {}


def remember(data: Path, findings: Iterable[Finding]) -> None:
    """Store what an examination measured; dongles that it did not see keep what is known.

    A measurement that failed this time does not erase an earlier one.
    """
    serials: dict[str, str] = {}
    measured: dict[str, dict[str, float]] = {}
    for finding in findings:
        if finding.check == "open" and finding.fields.get("serial") and finding.measured:
            serials[finding.source] = str(finding.fields["serial"])
        elif finding.check in ("settle", "crystal"):
            measured.setdefault(finding.source, {}).update(finding.measured)
    known = calibrations(data)
    now_ns = time.time_ns()
    for source, serial in serials.items():
        if found := measured.get(source):
            before = known.get(serial, Calibration(now_ns))
            known[serial] = msgspec.structs.replace(before, time_ns=now_ns, **found)
    if known:
        data.mkdir(parents=True, exist_ok=True)
        part = data / (FILE_NAME + ".part")
        part.write_bytes(msgspec.json.format(msgspec.json.encode(known), indent=2) + b"\n")
        part.replace(data / FILE_NAME)
