"""The entries of a site's ledger: one visit, one silence."""

from __future__ import annotations

from dataclasses import dataclass, field

from dsp.values import Dwell


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay of one dongle on one stretch of spectrum.

    Attributes
    ----------
    sensor : str
    low_hz, high_hz : float
        Edges of the kept bins.
    time_ns : int
        First sample.
    sample_rate_hz : float
    expected, received : int
        Samples that the dwell was to have and that were used.
    dropped : int
        Samples known to be lost in it or immediately before it.
    clipped_fraction : float
    threshold_dbfs : float or None
        What a bin had to exceed to be detected, median over the visit's bins.
    gain_db : float or None
    baseline : str
        Hash of the baseline in use; empty without one.
    """

    sensor: str
    low_hz: float
    high_hz: float
    time_ns: int
    sample_rate_hz: float
    expected: int
    received: int
    dropped: int = 0
    clipped_fraction: float = 0.0
    threshold_dbfs: float | None = None
    gain_db: float | None = None
    baseline: str = ""

    @property
    def stop_ns(self) -> int:
        """End of what was received."""
        return self.time_ns + round(self.received / self.sample_rate_hz * 1e9)

    @classmethod
    def of(
        cls,
        sensor: str,
        dwell: Dwell,
        sample_rate_hz: float,
        expected_s: float,
        threshold_dbfs: float | None = None,
        gain_db: float | None = None,
        baseline: str = "",
    ) -> Visit:
        """Make the entry of a dwell."""
        return cls(
            sensor=sensor,
            low_hz=dwell.grid.low_hz,
            high_hz=dwell.grid.high_hz,
            time_ns=dwell.time_ns,
            sample_rate_hz=sample_rate_hz,
            expected=round(expected_s * sample_rate_hz),
            received=round(dwell.duration_s * sample_rate_hz),
            dropped=dwell.dropped_samples,
            clipped_fraction=dwell.clipped_fraction,
            threshold_dbfs=threshold_dbfs,
            gain_db=gain_db,
            baseline=baseline,
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """Time in which a sensor gave no data.

    Attributes
    ----------
    sensor : str
    start_ns, stop_ns : int
    cause : str
        Message id, for example that of a worker's fault.
    fields : dict
        For the message.
    """

    sensor: str
    start_ns: int
    stop_ns: int
    cause: str
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Length."""
        return (self.stop_ns - self.start_ns) / 1e9
