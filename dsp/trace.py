"""All that is known of one emitter or candidate while its detections come in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, Self

from .signals import Detection, Emitter
from .units import from_db
from .values import Grid

SKIRT_DB = 10.0
"""What reaches the skirts of something this much stronger is part of it."""

WIDTH_FADE = 0.05
"""How fast the remembered width follows narrower dwells."""

CENTER_FADE = 0.7
"""Weight of the past: a drifting carrier is followed and its latest place reported."""


@dataclass(slots=True)
class Trace:
    """One emitter or candidate.

    Attributes
    ----------
    number : int
        0 until it is confirmed.
    center_freq_hz, bandwidth_hz : float
        From the hops that saw it whole and undistorted, as soon as there is one.
    power_dbfs : float
        Of the strongest sighting, like ``snr_db``, ``excess_db`` and ``peak_dbfs``.
    cut : bool
        Every hop so far saw only a part of it, up to its kept edge.
    beyond : bool
        A hop that may see what is cut off has looked, and saw nothing that explains it.
    placed : bool
        Some hop saw it whole and undistorted.
    shadowed : bool
        Every dwell so far showed something much stronger beside it.
    reach_low_hz, reach_high_hz : float
        Where its skirts ended last.
    bands : dict
        Occupied band as each hop saw it last.
    looks : list of bool
        Whether the latest dwells on its hops saw it.
    """

    center_freq_hz: float
    bandwidth_hz: float
    first_ns: int
    last_ns: int
    number: int = 0
    power_dbfs: float = -math.inf
    snr_db: float = -math.inf
    excess_db: float = -math.inf
    peak_dbfs: float = -math.inf
    sightings: int = 1
    dwells: int = 0
    on_ns: int = 0
    missed: int = 0
    on_air: bool = True
    cut: bool = True
    beyond: bool = False
    placed: bool = False
    shadowed: bool = True
    reach_low_hz: float = math.inf
    reach_high_hz: float = -math.inf
    looks: list[bool] = field(default_factory=list)
    bands: dict[int, tuple[float, float]] = field(default_factory=dict)
    weight: float = 0.0

    @classmethod
    def begin(cls, detection: Detection) -> Self:
        """Make a candidate; `extend` it with the same detection next."""
        return cls(
            detection.center_freq_hz, detection.bandwidth_hz, detection.time_ns, detection.time_ns
        )

    @property
    def low_hz(self) -> float:
        """Lower edge over all hops that saw it last."""
        return min(low for low, _ in self.bands.values())

    @property
    def high_hz(self) -> float:
        """Upper edge over all hops that saw it last."""
        return max(high for _, high in self.bands.values())

    def meets(self, grid: Grid) -> bool:
        """Whether a hop keeps a part of where its skirts reach, or begins where they end."""
        margin_hz = grid.bin_width_hz
        return (
            grid.low_hz <= self.reach_high_hz + margin_hz
            and grid.high_hz >= self.reach_low_hz - margin_hz
        )

    def touches(self, detection: Detection) -> bool:
        """Whether a detection reaches its skirts."""
        return detection.low_hz <= self.reach_high_hz and detection.high_hz >= self.reach_low_hz

    def skirt(self, detection: Detection) -> bool:
        """Whether a detection is too weak to be more than its skirt."""
        return detection.power_dbfs < self.power_dbfs - SKIRT_DB

    def extend(self, detection: Detection, merge_gap_ns: float, keep_looks: int) -> None:
        """Add the strongest detection of a dwell."""
        gap_ns = detection.time_ns - self.last_ns
        if self.dwells and gap_ns > 0:
            if self.missed and gap_ns > merge_gap_ns:
                self.sightings += 1
            elif not self.missed:
                self.on_ns += gap_ns  # nobody saw it silent in between
        if self.skirt(detection):
            self._widen_reach(detection)
        else:
            self.reach_low_hz, self.reach_high_hz = detection.low_hz, detection.high_hz
            self.bands[detection.hop] = _band(detection)
            self._place(detection)
        self.cut = self.cut and "edge" in detection.doubts
        self.power_dbfs = max(self.power_dbfs, detection.power_dbfs)
        self.snr_db = max(self.snr_db, detection.snr_db)
        self.excess_db = max(self.excess_db, detection.excess_db)
        self.peak_dbfs = max(self.peak_dbfs, detection.peak_dbfs)
        self.on_ns += round(detection.duration_s * 1e9)
        self.last_ns = max(self.last_ns, detection.stop_ns)
        self.dwells += 1
        self.missed = 0
        self.looks = [*self.looks, True][-keep_looks:]

    def add_piece(self, detection: Detection) -> None:
        """Add another piece seen in the same dwell."""
        self._widen_reach(detection)
        if self.skirt(detection):
            return
        low_hz, high_hz = _band(detection)
        known = self.bands.get(detection.hop, (low_hz, high_hz))
        low_hz, high_hz = min(low_hz, known[0]), max(high_hz, known[1])
        self.bands[detection.hop] = (low_hz, high_hz)
        self.bandwidth_hz = max(self.bandwidth_hz, high_hz - low_hz)

    def emitter(self, phase: Literal["new", "active", "gone"]) -> Emitter:
        """What is known now."""
        return Emitter(
            number=self.number,
            phase=phase,
            center_freq_hz=self.center_freq_hz,
            bandwidth_hz=self.bandwidth_hz,
            snr_db=self.snr_db,
            excess_db=self.excess_db,
            peak_dbfs=self.peak_dbfs,
            first_seen_ns=self.first_ns,
            last_seen_ns=self.last_ns,
            sightings=self.sightings,
            dwells=self.dwells,
            on_s=self.on_ns / 1e9,
        )

    def _widen_reach(self, detection: Detection) -> None:
        self.reach_low_hz = min(self.reach_low_hz, detection.low_hz)
        self.reach_high_hz = max(self.reach_high_hz, detection.high_hz)

    def _place(self, detection: Detection) -> None:
        """Update centre and width; a hop that sees it whole knows better than its rests."""
        whole = not {"edge", "overload"} & set(detection.doubts)
        if not whole and self.placed:
            return
        center, width = detection.center_freq_hz, detection.bandwidth_hz
        if not whole and len(self.bands) > 1:
            center, width = (self.low_hz + self.high_hz) / 2, self.high_hz - self.low_hz
        if whole and not self.placed:
            self.placed, self.weight, self.bandwidth_hz = True, 0.0, width
        power = float(from_db(detection.power_dbfs))
        self.weight = CENTER_FADE * self.weight + power
        self.center_freq_hz += power / self.weight * (center - self.center_freq_hz)
        # Speech pauses: what a transmission occupies is the width of its loud moments.
        fading = self.bandwidth_hz + WIDTH_FADE * (width - self.bandwidth_hz)
        self.bandwidth_hz = max(width, fading)


def _band(detection: Detection) -> tuple[float, float]:
    """Occupied band of a detection; up to its run's ends where it was cut."""
    half = detection.bandwidth_hz / 2
    low_hz, high_hz = detection.center_freq_hz - half, detection.center_freq_hz + half
    if "edge" in detection.doubts:
        return min(low_hz, detection.low_hz), max(high_hz, detection.high_hz)
    return low_hz, high_hz
