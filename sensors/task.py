"""What one dongle's process is told before it starts, and what it may be told while it runs."""

from __future__ import annotations

from msgspec import Struct

from sensors.bands import GuardBand
from sensors.config import Site


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
    dwell_s, nfft : float, int
    false_alarms, exam_s, on_db, off_db : float
        The detection rule: false alarms wanted in an exam of this length.
    antenna, position : str
        Part of a baseline's identity; for people.
    baseline : str
        Path of the frozen baseline; empty without one.
    survey : bool
        Visit all hops equally often until a baseline is ordered.
    seed : int
        Of the jitter in the hop order.
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
    false_alarms: float
    exam_s: float
    on_db: float
    off_db: float
    antenna: str = ""
    position: str = ""
    baseline: str = ""
    survey: bool = False
    seed: int = 1


class UseBaseline(Struct, frozen=True, tag="baseline"):
    """Detect against this frozen baseline from now on."""

    path: str


Order = UseBaseline


def tasks_of(site: Site, endpoint: str, *, survey: bool) -> list[Task]:
    """Make the task of every dongle of a site.

    Every position watches all bands; dongles at the same position share them, the band with the
    largest demand first to the dongle with the least.
    """
    shares = _shares(site)
    return [
        Task(
            sensor=sensor,
            source=dongle.source,
            endpoint=endpoint,
            bands=shares[index],
            sample_rate_hz=dongle.sample_rate_hz,
            gain_db=dongle.gain_db,
            ppm=dongle.ppm,
            dwell_s=site.file.scan.dwell_s,
            nfft=site.file.scan.nfft,
            false_alarms=site.file.detect.false_alarms_per_exam / len(site.sensor_ids),
            exam_s=site.file.detect.exam_hours * 3600,
            on_db=site.file.detect.on_db,
            off_db=site.file.detect.off_db,
            antenna=dongle.antenna,
            position=dongle.position,
            baseline=str(site.baseline) if site.baseline is not None and not survey else "",
            survey=survey,
            seed=index + 1,
        )
        for index, (sensor, dongle) in enumerate(
            zip(site.sensor_ids, site.file.dongle, strict=True)
        )
    ]


def _shares(site: Site) -> list[tuple[GuardBand, ...]]:
    """Bands of each dongle."""
    dongles = site.file.dongle
    demand = [0.0] * len(dongles)
    shares: list[list[GuardBand]] = [[] for _ in dongles]
    wanted = sorted(
        site.bands, key=lambda band: -(band.stop_hz - band.start_hz) / band.max_revisit_s
    )
    for position in dict.fromkeys(dongle.position for dongle in dongles):
        members = [i for i, dongle in enumerate(dongles) if dongle.position == position]
        for band in wanted:
            least = min(members, key=demand.__getitem__)
            shares[least].append(band)
            demand[least] += (band.stop_hz - band.start_hz) / band.max_revisit_s
    return [tuple(sorted(share, key=lambda band: band.start_hz)) or site.bands for share in shares]
