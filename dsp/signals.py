"""What is found: a detection in one dwell, an emitter over time, an emission in a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Look = Literal["mean", "burst"]


@dataclass(frozen=True, slots=True)
class Detection:
    """One stretch of one dwell where more power was received than the rule allows.

    Attributes
    ----------
    center_freq_hz, bandwidth_hz : float
        Middle and width of the 99 % occupied band (ITU-R SM.443), noise subtracted.
    low_hz, high_hz : float
        Edges of the bins over the threshold.
    snr_db : float
        Signal over noise in the occupied band, of the look that saw it.
    excess_db : float
        Strongest bin over its baseline (or over the local floor without one).
    peak_dbfs, power_dbfs : float
        Strongest bin; total in the occupied band, noise subtracted.
    threshold_dbfs : float
        What the strongest bin had to exceed.
    time_ns, duration_s : int, float
        The dwell it was seen in.
    look : {"mean", "burst"}
        Which of the two looks saw it (``mean`` where both did).
    duty : float
        Mean over peak power in the band: 1 for steady, burst/dwell for a burst.
    hop : int
    doubts : tuple of str
        Why it may not be a signal on this frequency: ``"center"`` (only where the receiver's own
        DC spike is), ``"edge"`` (reaches the kept edge: the rest lies in another hop),
        ``"overload"`` (the converter clipped), ``"image"`` (a weaker mirror of a stronger one).
        A shifted look or a lower gain decides.
    """

    center_freq_hz: float
    bandwidth_hz: float
    low_hz: float
    high_hz: float
    snr_db: float
    excess_db: float
    peak_dbfs: float
    power_dbfs: float
    threshold_dbfs: float
    time_ns: int
    duration_s: float
    look: Look
    duty: float
    hop: int
    doubts: tuple[str, ...] = ()

    @property
    def stop_ns(self) -> int:
        """End of the dwell it was seen in."""
        return self.time_ns + round(self.duration_s * 1e9)


@dataclass(frozen=True, slots=True)
class Emitter:
    """One transmission followed through time.

    Attributes
    ----------
    number : int
        Counted by its tracker, never reused.
    phase : {"new", "active", "gone"}
        ``new`` in the update that confirmed it, ``gone`` in the one that gave it up.
    center_freq_hz, bandwidth_hz : float
        Power-weighted over the sightings.
    snr_db, excess_db, peak_dbfs : float
        Largest seen.
    first_seen_ns, last_seen_ns : int
        Start of the first and end of the last sighting.
    sightings : int
        Times that it was on the air, gaps shorter than the merge gap not counted.
    dwells : int
        Dwells in which it was seen.
    on_s : float
        Time on the air seen so far.
    """

    number: int
    phase: Literal["new", "active", "gone"]
    center_freq_hz: float
    bandwidth_hz: float
    snr_db: float
    excess_db: float
    peak_dbfs: float
    first_seen_ns: int
    last_seen_ns: int
    sightings: int
    dwells: int
    on_s: float


@dataclass(frozen=True, slots=True)
class Emission:
    """One transmission in a recording, as a person would box it on a waterfall.

    Attributes
    ----------
    start_s, stop_s : float
        From the first sample.
    center_freq_hz, bandwidth_hz : float
        Middle and width of the 99 % occupied band.
    snr_db : float
        Keyed-on power over the quiet floor, both in the occupied band.
    peak_dbfs : float
        Strongest bin.
    duty : float
        Share of the time between start and stop that it was on.
    label : str
        What it looks like, see `dsp.classify`.
    label_confidence : float
        0 to 1.
    new : bool or None
        Whether a baseline does not explain it, see `dsp.known`; None without a baseline.
    """

    start_s: float
    stop_s: float
    center_freq_hz: float
    bandwidth_hz: float
    snr_db: float
    peak_dbfs: float
    duty: float = 1.0
    label: str = "unknown"
    label_confidence: float = 0.0
    new: bool | None = None
