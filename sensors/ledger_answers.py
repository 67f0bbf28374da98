"""What a ledger answers."""

from __future__ import annotations

from dataclasses import dataclass

from sensors.visit import Gap


@dataclass(frozen=True, slots=True)
class WatchedVisit:
    """One visit of one frequency."""

    sensor: str
    start_ns: int
    stop_ns: int
    low_hz: float
    high_hz: float
    threshold_dbfs: float | None
    expected: int
    received: int
    dropped: int
    clipped_fraction: float
    gain_db: float | None
    baseline: str


@dataclass(frozen=True, slots=True)
class Watched:
    """Answer to "was this frequency watched then, and how deep?".

    Attributes
    ----------
    freq_hz, start_ns, stop_ns : float, int, int
        The question.
    visits : list of WatchedVisit
        Those that overlap the time, in order; empty means no.
    on_air_s : float
        Time inside that at least one visit covered.
    threshold_dbfs : float or None
        Lowest of the visits: a bin stronger than this was detected.
    before, after : WatchedVisit or None
        Nearest other visits of the frequency, within the ledger's neighbourhood of one minute.
    gaps : list of Gap
        Known silences that overlap the time.
    """

    freq_hz: float
    start_ns: int
    stop_ns: int
    visits: list[WatchedVisit]
    on_air_s: float
    threshold_dbfs: float | None
    before: WatchedVisit | None
    after: WatchedVisit | None
    gaps: list[Gap]


@dataclass(frozen=True, slots=True)
class BandCoverage:
    """What became of one guard band in a window of time; parts weigh by their width.

    Attributes
    ----------
    name : str
    start_hz, stop_hz : float
    visits : int
    watched_fraction : float
        Share of the band's width that was visited at all.
    on_air_fraction : float
        Share of the time that a frequency was being received, mean over the band.
    revisit_s : float
        Longest time that some visited frequency went unwatched.
    threshold_dbfs : float or None
        Median over the visits.
    clipped_fraction : float
        Mean over the visits.
    heard : dict
        Message length in seconds -> probability, mean over the band's width.
    """

    name: str
    start_hz: float
    stop_hz: float
    visits: int
    watched_fraction: float
    on_air_fraction: float
    revisit_s: float
    threshold_dbfs: float | None
    clipped_fraction: float
    heard: dict[float, float]


@dataclass(frozen=True, slots=True)
class SensorCoverage:
    """What one dongle received in a window of time.

    Attributes
    ----------
    sensor : str
    visits, expected, received, dropped : int
        Samples: what the visits were to have, what they had, what was lost.
    seconds, silent_seconds : int
        Whole seconds of the window; those of them without any sample.
    clipped_fraction : float
    """

    sensor: str
    visits: int
    expected: int
    received: int
    dropped: int
    seconds: int
    silent_seconds: int
    clipped_fraction: float
