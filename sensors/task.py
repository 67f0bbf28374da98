"""What one dongle's process is told before it starts, and what it may be told while it runs."""

from __future__ import annotations

from msgspec import Struct

from sensors.bands import GuardBand


class Task(Struct, frozen=True):
    """One worker's work.

    Attributes
    ----------
    sensor : str
    source : str
        Source URI.
    endpoint : str
        Where the supervisor takes reports (ZeroMQ PULL).
    bands : tuple of GuardBand
        What this dongle watches.
    sample_rate_hz, gain_db, ppm : float
        Requested; `sensors.reports.StartReport` says what became of them.
    dwell_s, nfft, keep_hz : float, int, float
    false_alarms, exam_s, on_db, off_db : float
        The detection rule: false alarms wanted in an exam of this length.
    antenna, position : str
        Part of a baseline's identity; for people.
    baseline : str
        Path of the frozen baseline; empty without one.
    seed : int
        Of the jitter in the hop order.
    patience_s : float
        The supervisor calls the worker stuck after this silence.
    """

    sensor: str
    source: str
    endpoint: str
    bands: tuple[GuardBand, ...]
    sample_rate_hz: float
    gain_db: float
    ppm: float
    dwell_s: float
    nfft: int
    keep_hz: float
    false_alarms: float
    exam_s: float
    on_db: float
    off_db: float
    antenna: str = ""
    position: str = ""
    baseline: str = ""
    seed: int = 1
    patience_s: float = 5.0


class UseBaseline(Struct, frozen=True, tag="baseline"):
    """Detect against this frozen baseline from now on."""

    path: str


Order = UseBaseline
